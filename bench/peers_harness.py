"""Run training scripts under a peer that watches training, set up as its documentation says.

    python peers_harness.py torch-audit|torcheck SCRIPT...

The peer is attached as soon as an optimizer exists, to the model whose parameters that holds; training goes on for
`STEPS` steps or `SECONDS` of CPU time. What the peer says of a script is printed as one line of JSON: pairs of kind and
text.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

STEPS, SECONDS = 100, 20.0
Said = set[tuple[str, str]]


class Enough(BaseException):
    """The script has trained as long as it is watched."""


def model_of(optimizer: torch.optim.Optimizer) -> torch.nn.Module | None:
    """Return the largest module in the script's names that holds one of the optimizer's parameters."""
    own = {id(p) for group in optimizer.param_groups for p in group["params"]}
    frame, found = sys._getframe(1), []
    while frame is not None:
        if "torch" not in frame.f_code.co_filename:
            values = [*frame.f_locals.values(), *frame.f_globals.values()]
            found += [v for v in values if isinstance(v, torch.nn.Module) and own & {id(p) for p in v.parameters()}]
        frame = frame.f_back
    return max(found, key=lambda m: sum(1 for _ in m.modules()), default=None)


def torch_audit(model: torch.nn.Module, optimizer: torch.optim.Optimizer, text: str, said: Said) -> Callable[[], None]:
    """Attach `autopatch`, every step audited, with its checks before training."""
    from torch_audit import autopatch

    auditor = autopatch(model, optimizer=optimizer, every_n_steps=1, reporters=[], run_static=True, run_init=True)

    def finish() -> None:
        result = auditor.finish(report=False)
        said.update((f"{one.rule_id} {one.severity.name}", one.message[:160]) for one in result.findings)

    return finish


def torcheck(model: torch.nn.Module, optimizer: torch.optim.Optimizer, text: str, said: Said) -> Callable[[], None]:
    """Register every check: parameters change, nothing is nan or inf, logits (for cross-entropy) leave (0, 1)."""
    import torcheck as peer
    from torcheck.output_spec import OutputSpec
    from torcheck.param_spec import ParamSpec

    def heard(validate: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*args: Any) -> None:
            try:
                validate(*args)
            except RuntimeError as error:
                for line in str(error).splitlines():
                    said.update((kind, line[:160]) for kind in KINDS if re.search(KINDS[kind], line))

        return inner

    OutputSpec.validate, ParamSpec.validate = heard(OutputSpec.validate), heard(ParamSpec.validate)  # type: ignore[method-assign]
    peer.register(optimizer)
    checks = [lambda: peer.add_module_changing_check(model), lambda: peer.add_module_nan_check(model),
              lambda: peer.add_module_inf_check(model)]  # fmt: skip
    if re.search(r"CrossEntropyLoss|cross_entropy", text):
        checks.append(lambda: peer.add_module_output_range_check(model, output_range=(0, 1), negate_range=True))
    for check in checks:
        try:
            check()
        except RuntimeError as error:
            said.add(("not registered", str(error)[:160]))
    return lambda: None


KINDS = {"unchanged": "should change", "in range": "shouldn't all", "nan": "contains NaN", "inf": "contains inf"}
"""How torcheck's complaints read."""


def watched(tool: Callable[..., Callable[[], None]], script: str) -> dict[str, Any]:
    """Run one script under the peer and return what it says."""
    with open(script, encoding="utf-8") as file:
        text = file.read()
    said: Said = set()
    finish: list[Callable[[], None]] = []
    pending: list[Any] = []
    started, steps = time.process_time(), [0]
    original = torch.optim.Optimizer.__init__

    def built(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        pending.append(self)

    def before(module: Any, args: Any) -> None:
        # The first forward pass after an optimizer was built: both exist, and training begins.
        while pending:
            optimizer = pending.pop(0)
            model = None if finish else model_of(optimizer)
            if model is not None:
                finish.append(tool(model, optimizer, text, said))

    def stepped(optimizer: Any, args: Any, kwargs: Any) -> None:
        steps[0] += 1
        if steps[0] >= STEPS or time.process_time() - started > SECONDS:
            raise Enough

    torch.optim.Optimizer.__init__ = built  # type: ignore[method-assign]
    torch.nn.modules.module.register_module_forward_pre_hook(before)
    register_optimizer_step_post_hook(stepped)
    sys.argv, failed = [script], ""
    os.chdir(os.path.dirname(script))
    try:
        runpy.run_path(script, run_name="__main__")
    except (Enough, SystemExit):
        pass
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"[:200]
    for one in finish:
        one()
    return {"said": sorted(said), "attached": bool(finish), "steps": steps[0], "failed": failed}


def main() -> None:
    """Answer each script with a line of JSON; each runs in a fork of its own."""
    tool = {"torch-audit": torch_audit, "torcheck": torcheck}[sys.argv[1]]
    answers = os.dup(1)
    for script in sys.argv[2:]:
        child = os.fork()
        if not child:
            try:
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115
                answer = watched(tool, os.path.abspath(script))
            except BaseException as error:
                answer = {"said": [], "attached": False, "steps": 0, "failed": f"{type(error).__name__}: {error}"[:200]}
            os.write(answers, (json.dumps({"script": script, **answer}) + "\n").encode())
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
