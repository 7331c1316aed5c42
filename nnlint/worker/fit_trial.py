"""One run of the user's script in a forked child: as a scout, to learn how it trains, or as a trial, to train it."""

from __future__ import annotations

import importlib.machinery
import linecache
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import torch

from .devices import OnCpu
from .fit_content import content_of, own_files
from .fit_loop import Fit
from .fit_rows import Table
from .fit_seeds import Seeds
from .fit_tape import CannotTrain
from .fit_watch import Watch
from .load import Program
from .sandbox import Refused, Sandbox

Answer = dict[str, Any]

_MOST_CHANGES = 5000


def answer_to(request: dict[str, Any], deliver: Callable[[Answer], None]) -> Answer:
    """Run the script; return the answer where it ends by itself, else `deliver` it from within."""
    started = time.perf_counter()
    os.environ["SEED"] = str(request["offset"])
    _overlay(request.get("overlay", {}))
    seeds = Seeds(int(request["offset"]))
    watch = Watch(seeds, int(request["most_rows"]))
    scout = request["do"] == "scout"
    cpu = OnCpu()

    def conclude(ended: str) -> Answer:
        seeds.__exit__()
        watch.__exit__()
        with suppress(RuntimeError):  # within a torch function its mode is off already
            cpu.__exit__()
        # Every torch function costs more while devices are mapped: only for those who name one.
        with OnCpu() if "cuda" in request.get("text", "cuda") else nullcontext():
            try:
                if watch.problem is not None:
                    raise watch.problem
                return _scouted(watch, request, started, ended) if scout else _trained(watch, request)
            except CannotTrain as problem:
                return {"status": "cannot", "reason": str(problem)}

    def enough() -> bool:
        """Whether the scout has seen what the study asks for: two epochs where the source tells the rest."""
        late = time.perf_counter() - started > request["limit"]
        brief = request.get("brief", False) and watch.steps >= 2 * len(watch.cycles)
        return watch.done and (watch.problem is not None or late or brief)

    if scout:
        watch.on_step = lambda: deliver(conclude("stopped")) if enough() else None
    else:
        watch.on_epoch = lambda: deliver(conclude("epoch"))
    return _execute(request, seeds, cpu, watch, conclude)


def _execute(
    request: dict[str, Any], seeds: Seeds, cpu: OnCpu, watch: Watch, conclude: Callable[[str], Answer]
) -> Answer:
    program = Program(request["path"], request.get("module"), request.get("root", ""), list(request.get("argv", ())))
    sandbox = Sandbox(request["scratch"], bool(request.get("allow_network")))
    sandbox.install()
    for manager in (seeds, cpu, watch):
        manager.__enter__()
    sandbox.on = True
    try:
        program.execute(as_main=True)
    except SystemExit:
        pass
    except Refused as refused:
        if not watch.steps:
            return {"status": "cannot", "reason": f"it {refused.what}"}
    except BaseException as error:
        path, line = program.place_of(error)
        reason = f"{type(error).__name__}: {str(error)[:300]} ({os.path.basename(path)}:{line})"
        return {"status": "crashed", "reason": reason}
    sandbox.on = False
    watch.end()
    return conclude("finished")


def _scouted(watch: Watch, request: dict[str, Any], started: float, ended: str) -> Answer:
    """Return what the study must know of this variant."""
    now = time.perf_counter()
    steps, recorded = watch.steps, len(watch.cycles)
    watch.beginning.restore()
    table = Table([program for cycle in watch.cycles for program in cycle.programs])
    whole = watch.epoch.whole
    share = table.rows / whole if watch.epoch.cut and whole else 1.0
    fit = Fit(watch, table, {}, int(request["offset"]))
    evaluates = watch.evaluates or (ended == "stopped" and _asks_for_evaluation())
    return {
        "status": "ok", "ended": ended, "steps": steps, "steps_per_epoch": recorded / share,
        "rows": table.rows, "batch": table.batch, "counts": fit.counts(), "profile": fit.profile,
        "evaluates": evaluates, "shuffles": watch.shuffles, "cut": watch.epoch.cut,
        "trace": [list(change) for change in watch.trace[:_MOST_CHANGES]],
        "modes": [list(change) for change in watch.modes[:_MOST_CHANGES]],
        "setup": watch.started - started, "epoch_seconds": watch.finished - watch.started,
        "each": _seconds_of_a_step(watch, now), "libraries": _libraries(),
        "parameters": sum(p.numel() for p in watch.parameters()),
        "content": content_of(table), "torch": f"{torch.__version__} {sys.version.split()[0]}",
    }  # fmt: skip


def _seconds_of_a_step(watch: Watch, now: float) -> float:
    """Return what a step takes, from those that were not recorded (recording is slower) where there are some."""
    recorded = len(watch.cycles)
    if watch.steps >= recorded + 5:
        return (now - watch.finished) / (watch.steps - recorded)
    return (watch.finished - watch.started) / max(recorded, 1)


def _trained(watch: Watch, request: dict[str, Any]) -> Answer:
    watch.beginning.restore()
    table = Table([program for cycle in watch.cycles for program in cycle.programs])
    fit = Fit(watch, table, request["order"], int(request["offset"]))
    return fit.sweep() if request["do"] == "sweep" else fit.run()


def _asks_for_evaluation() -> bool:
    """Whether any file of the user's, of which the end was not seen, calls `eval()` on something."""
    texts = ("".join(linecache.getlines(path)) for path in own_files())
    return any(".eval()" in text or ".train(False)" in text for text in texts)


def _libraries() -> list[str]:
    """Return the installed libraries that the script has imported."""
    found = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if "site-packages" in path and "." not in name and not name.startswith(("torch", "nnlint", "_")):
            found.append(name)
    wanted = ("sklearn.datasets", "sklearn.model_selection", "sklearn.preprocessing", "scipy.stats")
    return [*found, *(name for name in wanted if name in sys.modules)]


def _overlay(texts: dict[str, str]) -> None:
    """Let these texts take the place of what stands in the files, for imports and for tracebacks."""
    if not texts:
        return
    known = {os.path.realpath(path): text.encode() for path, text in texts.items()}
    loader: Any = importlib.machinery.SourceFileLoader
    get_data, path_stats = loader.get_data, loader.path_stats

    def overlaid(self: Any, path: str) -> bytes:
        data = known.get(os.path.realpath(path))
        return get_data(self, path) if data is None else data

    def stats(self: Any, path: str) -> Any:
        if os.path.realpath(path) in known:
            raise OSError("its compiled form is not that of the text")
        return path_stats(self, path)

    loader.get_data, loader.path_stats = overlaid, stats
    for path, text in texts.items():
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
