"""How fast the trainer is: `make bench-speed`, about four minutes on a quiet machine.

    python bench/speed.py [--save] [--part confirmation|trials|steps]

Three questions, answered in one run, so that the ratios hold whatever the machine does:

- confirmation: seconds from the start of `nnlint confirm` to its verdict, for one fix of an MLP of up to 10,000
  parameters on the reference task segment, both verdicts, within the default budget.
- trials: the same trials (model, rows, batches, epochs, three parts of the data, 20 checkpoints) per second in nnlint's
  trainer, in a plain loop, in skorch and in Lightning, each one program after the other in one process and one thread,
  imports left out; nnlint also with its default two processes. What cannot be installed is left out and named.
- steps: seconds of a training step in the trainer's loop over those of a bare PyTorch loop, for three models; the
  median over rounds that take turns.

Peers live in `.venv-peers/trainers`, over the torch of this environment. Exits 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from speed_programs import FAULTY, LIGHTNING, PLAIN, SKORCH, STEP_MODELS, TRAIN, step_script

from nnlint.trainer import Options
from nnlint.trainer.confirmation import Arm
from nnlint.trainer.study import Study
from nnlint.trainer.trials import Trials

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "speed.json"
PEERS = ROOT / ".venv-peers" / "trainers"
SECONDS, OVERHEAD = 30.0, 1.10
TRIALS = 8
EPOCHS = 20
UPDATES, ROUNDS = 600, 7


def confirmation() -> dict[str, Any]:
    """Return what the command takes to confirm one fix, from the shell."""
    with tempfile.TemporaryDirectory() as place:
        script = Path(place, "train.py")
        script.write_text(FAULTY.format(epochs=EPOCHS), "utf-8")
        command = [sys.executable, "-m", "nnlint", "confirm", "train.py", "--no-cache", "--output-format", "json"]
        started = time.monotonic()
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True, env=_environment())
        seconds = time.monotonic() - started
    [verdict] = json.loads(done.stdout)["confirmation"]["verdicts"]
    best = verdict["best_rate"]
    return {"seconds": round(seconds, 1), "verdict": verdict["word"], "seeds": verdict["seeds"],
            "best_rate": best and best["word"], "best_seeds": best and best["seeds"]}  # fmt: skip


def trials() -> dict[str, Any]:
    """Return trials per second, and each one's mean accuracy as a sign that they do the same."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        script = Path(place, "train.py")
        script.write_text(TRAIN.format(epochs=EPOCHS), "utf-8")
        for workers in (1, 2):
            found["nnlint" if workers == 1 else "nnlint, two processes"] = _nnlint(script, workers)
        for name, text in {"a plain loop": PLAIN, "skorch": SKORCH, "Lightning": LIGHTNING}.items():
            program = Path(place, "peer.py")
            program.write_text(text, "utf-8")
            python = sys.executable if name == "a plain loop" else str(PEERS / "bin" / "python")
            found[name] = _peer(python, program)
    return found


def _nnlint(script: Path, workers: int) -> dict[str, Any]:
    options = Options(python=Path(sys.executable), workers=workers, store=None)
    study = Study([Arm(name="original", path=script), Arm(name="same", path=script)], options, lambda text: None)
    with options.trials() as there:
        study.scout(there)
        study.plan()
        requests = [study.trial_request(study.original, seed) for seed in range(TRIALS)]
        started = time.perf_counter()
        answers = [answer for _, answer in there.run(requests)]
        seconds = time.perf_counter() - started
    scores = [answer["score"] for answer in answers]
    return {"per_second": round(TRIALS / seconds, 4), "accuracy": round(sum(scores) / len(scores), 4)}


def _peer(python: str, program: Path) -> dict[str, Any]:
    command = [python, str(program), str(TRIALS), str(EPOCHS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=program.parent,
                              env=_environment())  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        return {"left_out": said[-1][:200]}
    seconds, accuracy = json.loads(done.stdout.strip().splitlines()[-1])
    return {"per_second": round(TRIALS / seconds, 4), "accuracy": round(accuracy, 4)}


def steps() -> dict[str, Any]:
    """Return for each model the milliseconds of a step in a bare loop, and the ratio of the trainer's to it."""
    return {name: _steps(name) for name in STEP_MODELS}


def _steps(name: str) -> dict[str, Any]:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    bare = dict[str, Any]()
    exec(step_script(name), bare)  # our own text: the names of the loop that is timed
    with tempfile.TemporaryDirectory() as place:
        script = Path(place, "train.py")
        script.write_text(step_script(name), "utf-8")
        options = Options(python=Path(sys.executable), workers=1, store=None)
        study = Study([Arm(name="original", path=script), Arm(name="same", path=script)], options, lambda text: None)
        with options.trials() as trials:
            study.scout(trials)
            study.plan()
            request = study.trial_request(study.original, 0)
            _bare(bare, UPDATES), _trained(trials, request, UPDATES)
            rounds = [(_bare(bare, UPDATES), _trained(trials, request, UPDATES)) for _ in range(ROUNDS)]
    return {"milliseconds": round(1000 * median(own for own, _ in rounds), 4),
            "ratio": round(median(theirs / own for own, theirs in rounds), 4),
            "ratio_of_the_fastest": round(min(t for _, t in rounds) / min(own for own, _ in rounds), 4)}  # fmt: skip


def _bare(names: dict[str, Any], updates: int) -> float:
    """Return the seconds of a step in the loop as everyone writes it."""
    model, optimizer, loss_fn = names["model"], names["optimizer"], names["loss_fn"]
    inputs, targets = names["inputs"][: 3 * len(names["inputs"]) // 5], names["targets"]
    done, started = 0, time.perf_counter()
    model.train()
    while done < updates:
        for rows in torch.randperm(len(inputs)).split(32):
            optimizer.zero_grad()
            loss = loss_fn(model(inputs[rows]), targets[rows])
            loss.backward()
            optimizer.step()
            done += 1
    return (time.perf_counter() - started) / done


def _trained(trials: Trials, request: dict[str, Any], updates: int) -> float:
    """Return the seconds of a step in the trainer: what a long run takes beyond a short one, so without the scoring."""
    seconds = []
    for length in (updates // 4, updates + updates // 4):
        order = {**request["order"], "updates": length, "looks": 1}
        [(_, answer)] = trials.run([{**request, "order": order, "seconds": 300.0}])
        seconds.append(answer["seconds"])
    return (seconds[1] - seconds[0]) / updates


def install() -> None:
    """Put the peers into their environment, which sees the torch of this one."""
    if not (PEERS / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    python = str(PEERS / "bin" / "python")
    here = subprocess.run([sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    there = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                           capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    Path(there, "torch.pth").write_text(here, "utf-8")
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "skorch", "tabulate", "tqdm", "packaging",
               "lightning", "lightning-utilities", "torchmetrics", "pytorch-lightning"]  # fmt: skip
    subprocess.run(command, check=False)


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def main() -> int:
    """Measure, print, and keep it where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.relative_to(ROOT)}")
    parser.add_argument("--part", choices=("confirmation", "trials", "steps"), help="only this one")
    chosen = parser.parse_args()
    parts = {"confirmation": confirmation, "trials": trials, "steps": steps}
    if chosen.part in (None, "trials"):
        install()
    found = {name: part() for name, part in parts.items() if chosen.part in (None, name)}
    print(json.dumps(found, indent=1))
    if chosen.save:
        kept = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
        RESULT.write_text(json.dumps({**kept, **found}, indent=1) + "\n", "utf-8")
    late = found.get("confirmation", {}).get("seconds", 0) > SECONDS
    return int(late or any(row["ratio"] > OVERHEAD for row in found.get("steps", {}).values()))


if __name__ == "__main__":
    sys.exit(main())
