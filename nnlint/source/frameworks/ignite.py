"""Ignite: `create_supervised_trainer(model, optimizer, loss)`, or an `Engine` with an update function of the user's.

`trainer.run(loader, max_epochs=5)` makes the loop; `max_epochs` is 1 where it is not written.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from ...facts import Loop, Missing
from ..arguments import Arguments
from ..flow import Frame, Lost
from ..reading import Handed, Reading
from ..terms import KINDS, OWNERS, Term

PACKAGES = frozenset({"ignite"})
_SUPERVISED = ("model", "optimizer", "loss_fn", "device", "non_blocking", "prepare_batch", "model_transform",
               "output_transform", "deterministic", "amp_mode", "scaler", "gradient_accumulation_steps")  # fmt: skip


def read(reading: Reading) -> Handed | None:
    """Return what the trainer of the file does; None where it builds none."""
    program = reading.objects.program
    supervised = reading.calls_of("ignite.create_supervised_trainer")
    if supervised:
        given = Arguments(reading.objects.values, supervised[0], _SUPERVISED)
        fields = _run(reading, supervised[0])
        accumulates = reading.count(given, "gradient_accumulation_steps", 1)
        built = reading.built(given.written.get("optimizer"))
        known = [p for p in built if reading.optimizers.kind(p.node, p.frame)]
        fields["optimizers"] = tuple(reading.optimizers.read(p) for p in known) or Missing(
            "the trainer's optimizer cannot be followed"
        )
        if accumulates != 1:
            fields["updates"] = Missing("several batches make one step")
        fields["loop"] = Loop(
            clears_gradients=True, clips=None, accumulates=accumulates,
            divides=True if isinstance(accumulates, int) and accumulates > 1 else Missing("the framework does it"),
            optimizer_built=None, sums=(),
        )  # fmt: skip
        return Handed(fields, _terms(reading, given))
    for engine in reading.calls_of("ignite.Engine"):
        function = program.definition(engine.args[0]) if engine.args else None
        if function is not None and any(program.within(s.backward, function) for s in reading.sites):
            fields = _run(reading, engine)
            steps = [s for site in reading.sites for s in site.steps]
            if len(steps) != 1 or isinstance(program.parent.get(program.parent.get(steps[0].call, engine)), ast.If):
                fields["updates"] = Missing("not one optimizer steps once in each turn")
            return Handed(fields, loop=_turn(reading, function))
    return None


def _turn(reading: Reading, function: ast.AST) -> dict[str, Any]:
    """Return what only one who knows that the engine calls a function once a batch can tell."""
    site = next(s for s in reading.sites if reading.objects.program.within(s.backward, function))
    turn = replace(site, loops=(function,))  # type: ignore[arg-type]
    inside = any(reading.objects.program.within(p.node, function) for s in site.steps for p in s.built)
    told: dict[str, Any] = {"clears_gradients": reading.loops.clears(turn)}
    return told if inside or not all(s.built for s in site.steps) else told | {"optimizer_built": None}


def _terms(reading: Reading, given: Arguments) -> list[Term] | Missing:
    place = given.written.get("loss_fn")
    if place is None:
        return Missing("the trainer's loss is not to be seen")
    program = reading.objects.program
    built = reading.objects.only(place.node, place.frame)
    node = built.node if built is not None else place.node
    dotted = program.qualified(node.func if isinstance(node, ast.Call) else node)
    owner, _, name = (dotted or "").rpartition(".")
    if owner in OWNERS and name in KINDS:
        shown = name if isinstance(node, ast.Call) else f"F.{name}"
        return [Term(node, None, built if isinstance(node, ast.Call) else None, KINDS[name], shown)]
    function = program.definition(node)
    if isinstance(function, ast.FunctionDef):
        try:
            returned = reading.objects.flow.returned(function)
            call = ast.Call(func=node, args=[], keywords=[])
            return [t for r in returned for t in reading.losses.terms(r, Frame(function, call))]
        except Lost as lost:
            return Missing(lost.why)
    return Missing("the trainer's loss cannot be followed")


def _run(reading: Reading, built: ast.Call) -> dict[str, Any]:
    """Return batches and epochs by the `run` of the engine that a call builds."""
    for call in reading.objects.program.calls_by_name.get("run", ()):
        if not isinstance(call.func, ast.Attribute):
            continue
        owner = reading.objects.only(call.func.value)
        if owner is None or owner.node is not built:
            continue
        given = Arguments(reading.objects.values, call, ("data", "max_epochs", "max_iters", "epoch_length"))
        epochs = reading.count(given, "max_epochs", 1)
        data = given.written.get("data")
        size, shuffles, count = reading.loader(data.node if data is not None else None)
        cut = [n for n in ("max_iters", "epoch_length") if n in given.written]
        whole = isinstance(epochs, int) and isinstance(count, int) and not cut
        updates: Any = epochs * count if whole else count if isinstance(count, Missing) else epochs
        return {
            "batch_size": size,
            "shuffles": shuffles,
            "epochs": epochs if not cut else Missing("the run is limited by its iterations"),
            "updates": updates if not cut else Missing("the run is limited by its iterations"),
        }
    why = Missing("the engine's `run` is not to be seen")
    return dict.fromkeys(("batch_size", "shuffles", "epochs", "updates"), why)
