"""Run the programs of a pair for a few steps, inside a fork, and look at the model that they train."""

from __future__ import annotations

import runpy
from dataclasses import dataclass, field
from typing import Any

import torch
from nnlint_worker.describe import describe
from nnlint_worker.live import CannotApplyLive, apply_live
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook


class Enough(BaseException):
    """The steps that were asked for are done."""


@dataclass
class Ran:
    """A program after a few steps: its model, the first input, the loss of each step, and what it raised if it did."""

    steps: int
    model: nn.Module | None = None
    inputs: tuple[Any, ...] = ()
    losses: list[float] = field(default_factory=list)
    raised: Exception | None = None

    def called(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self.model is None and any(True for _ in module.parameters()):
            self.model, self.inputs = module, tuple(a.detach().clone() for a in args)

    def stepped(self, *_: Any) -> None:
        self.steps -= 1
        if self.steps == 0:
            raise Enough


def run(path: str, steps: int) -> Ran:
    """Run a program up to its `steps`-th optimizer step."""
    ran = Ran(steps)
    backward = torch.Tensor.backward

    def noted(self: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        ran.losses.append(float(self.detach()))
        backward(self, *args, **kwargs)

    hooks = [register_module_forward_pre_hook(ran.called), register_optimizer_step_post_hook(ran.stepped)]
    torch.Tensor.backward = noted  # type: ignore[method-assign]
    try:
        runpy.run_path(path, run_name="__main__")
    except Enough:
        pass
    except Exception as error:  # what some rules are about
        ran.raised = error
    finally:
        torch.Tensor.backward = backward  # type: ignore[method-assign]
        for hook in hooks:
            hook.remove()
    assert ran.model is not None, ran.raised
    return ran


def left_alone(path: str) -> list[str]:
    """Return what tracing a program's model has changed, by name: nothing, it is to be hoped."""
    ran = run(path, 2)
    assert ran.model is not None
    before = _state(ran.model)
    described = describe(ran.model, target="model", path=None, inputs=ran.inputs)
    after = _state(ran.model)
    assert described["subject"]["status"] == "traced" or ran.raised is not None
    return [name for name in before if not _same(before[name], after.get(name))] + sorted(after.keys() - before.keys())


def apart(bad: str, good: str) -> list[str]:
    """Return in what two programs differ over three steps, in evaluation mode and through a checkpoint."""
    one, other = run(bad, 3), run(good, 3)
    assert one.model is not None
    assert other.model is not None
    wrong = [] if one.losses == other.losses else [f"losses {one.losses} and {other.losses}"]
    other.model.load_state_dict(one.model.state_dict())
    with torch.no_grad():
        outputs = [_tensors(ran.model.eval()(*one.inputs)) for ran in (one, other)]  # type: ignore[union-attr]
    same = all(torch.equal(a, b) for a, b in zip(*outputs, strict=True))
    return wrong + ([] if same else ["outputs in evaluation mode"])


def twins(bad: str, good: str, verbs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the graph of the faulty model with the fix applied live, and that of the sound program's model."""
    model, sound = run(bad, 1), run(good, 1)
    assert model.model is not None
    assert sound.model is not None
    try:
        changed = apply_live(model.model, verbs)
    except CannotApplyLive as error:
        return {"cannot": error.reason}
    return {"live": _graph(changed, model.inputs), "text": _graph(sound.model, model.inputs)}


def _graph(model: nn.Module, inputs: tuple[Any, ...]) -> list[Any]:
    """Return a graph without the names of things: operation, shapes, and which earlier calls it reads.

    An identity is nothing: it is what a layer that is taken out live leaves behind.
    """
    described = describe(model, target="model", path=None, inputs=inputs, probe=False)
    place: dict[int, int] = {}
    graph: list[Any] = []
    for node in described["model"]["graph"]["nodes"]:
        reads = [place[i] for i in node.get("inputs", ())]
        if node["op"] == "identity":
            place[node["id"]] = reads[0]
        else:
            place[node["id"]] = len(graph)
            graph.append([node["op"], [tensor["shape"] for tensor in node.get("gives", ())], reads])
    return graph


def _state(model: nn.Module) -> dict[str, Any]:
    state: dict[str, Any] = {"random": torch.get_rng_state()}
    for name, parameter in model.named_parameters():
        state[f"value of {name}"] = parameter.detach().clone()
        state[f"gradient of {name}"] = None if parameter.grad is None else parameter.grad.clone()
        state[f"requires_grad of {name}"] = parameter.requires_grad
    for name, buffer in model.named_buffers():
        state[f"value of {name}"] = buffer.clone()
    for name, module in model.named_modules():
        state[f"mode of {name}"] = module.training
        state[f"hooks of {name}"] = [len(hooks) for key, hooks in vars(module).items() if key.endswith("_hooks")]
        state[f"attributes of {name}"] = sorted(vars(module))
    return state


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return bool(torch.equal(one, other))
    return bool(one == other)


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for item in value for tensor in _tensors(item)]
