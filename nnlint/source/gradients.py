"""The training loop itself: what clears the gradients, what clips them, the places of backward and step."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..facts import Missing
from .flow import Lost
from .objects import Objects
from .optimizers import Optimizers
from .program import last_name
from .training import Site, Training

CLIPS = {"clip_grad_norm_": "norm", "clip_grad_norm": "norm", "clip_grad_value_": "value", "clip_grad_value": "value"}
_CLAMPS = frozenset({"clamp_", "clip_"})
_HARMLESS = frozenset(
    {"print", "len", "enumerate", "range", "tqdm", "isinstance", "type", "id", "str", "repr", "list", "filter", "sum",
     "getattr", "hasattr", "next", "iter", "zip", "float", "int", "set", "dict", "tuple", "sorted", "max", "min"}
)  # fmt: skip
_ON_OPTIMIZERS = frozenset({"step", "zero_grad", "state_dict", "add_param_group"})
_READING = frozenset({"parameters", "named_parameters", "state_dict", "modules", "children", "buffers"})


class LoopReader:
    """Reads the loop around one training site."""

    def __init__(self, objects: Objects, optimizers: Optimizers, training: Training) -> None:
        self.objects, self.optimizers, self.training = objects, optimizers, training
        self.program, self.flow = objects.program, objects.flow

    def read(self, site: Site) -> dict[str, Any]:
        """Return these facts of the loop, as the fields of `Loop`."""
        step = site.steps[0] if site.steps else None
        return {
            "clears_gradients": self.clears(site),
            "backward": self.program.span(site.backward),
            "step": self.program.span(step.call) if step else None,
            "optimizer_name": ast.unparse(step.optimizer) if step else None,
            "clips": self.clips(site),
        }

    def clears(self, site: Site) -> Any:
        """Return whether gradients are cleared in every turn from one step to the next; Missing where unsure."""
        nodes = [n for n, _ in self.training.effects.runs(site.cycle)]
        clearing = [n for n in nodes if self.is_clearing(n)]
        if clearing:
            return self._each_turn(clearing, site)
        if not site.steps:
            return Missing("no optimizer step is to be seen")
        if not site.loops:
            return Missing("no loop around the step is to be seen")
        if not all(s.built for s in site.steps):
            return Missing("what built the optimizer cannot be told")
        if any(not self._is_from_torch(s.built) for s in site.steps):
            return Missing("the optimizer is no class of torch's")
        if any(self.program.within(p.node, site.loops[0]) for s in site.steps for p in s.built):
            return Missing("the optimizer is built in the loop")
        stranger = self._stranger(nodes, site)
        return Missing(f"`{stranger}` is handed the model or the optimizer") if stranger else False

    def _is_from_torch(self, built: Sequence[Any]) -> bool:
        calls = [p.node for p in built]
        return all((self.program.qualified(c.func) or "").startswith("torch.optim.") for c in calls)

    def is_clearing(self, node: ast.AST) -> bool:
        """Return whether a node clears gradients: `zero_grad()`, `p.grad = None`, `p.grad.zero_()`."""
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            if name == "zero_grad":
                return True
            return name == "_foreach_zero_" or (name in ("zero_", "fill_") and reads_grad(node.func))
        if isinstance(node, ast.Assign):
            return any(isinstance(t, ast.Attribute) and t.attr == "grad" for t in node.targets)
        return False

    def _each_turn(self, clearing: list[ast.AST], site: Site) -> Any:
        """Clearing under a condition counts where the step stands under the same one."""
        under = [self._conditions(node, site) for node in clearing]
        for conditions in under:
            if any(conditions <= self._conditions(s.call, site) for s in site.steps) or not conditions:
                return True
            for branch, side in conditions:
                if conditions ^ {(branch, side), (branch, not side)} in under:
                    return True
        return Missing("gradients are cleared under a condition")

    def _conditions(self, node: ast.AST, site: Site) -> frozenset[tuple[ast.If, bool]]:
        """Return the branches inside the cycle that a node stands under."""
        stops = {id(s) for s in site.cycle}
        found: set[tuple[ast.If, bool]] = set()
        inner = node
        for outer in self.program.ancestors(node):
            if isinstance(outer, ast.If) and inner is not outer.test and not self.always(outer):
                found.add((outer, inner in outer.body))
            if id(outer) in stops:
                break
            inner = outer
        return frozenset(found)

    def always(self, branch: ast.If) -> bool:
        """A guard such as `if p.grad is not None` or a known constant does not make clearing conditional."""
        names = {n.attr for n in ast.walk(branch.test) if isinstance(n, ast.Attribute)}
        return "grad" in names or isinstance(self.objects.values.maybe(branch.test, None), bool)

    def _stranger(self, nodes: list[ast.AST], site: Site) -> str | None:
        """Return the name of a function that is handed the model or the optimizer and that cannot be looked into."""
        own = {ast.dump(s.optimizer) for s in site.steps}
        for node in nodes:
            if not isinstance(node, ast.Call) or self._is_known(node):
                continue
            for argument in [*node.args, *(k.value for k in node.keywords)]:
                inner = argument.value if isinstance(argument, ast.Starred) else argument
                if isinstance(inner, (ast.Name, ast.Attribute)):
                    handed = ast.dump(inner) in own or self.objects.is_model(inner) or self._is_optimizer(inner)
                    if handed:
                        return ast.unparse(node.func)[:40]
            method = node.func.attr if isinstance(node.func, ast.Attribute) else "step"
            if method not in _ON_OPTIMIZERS and ast.dump(node.func.value) in own:  # type: ignore[attr-defined]
                return ast.unparse(node.func)[:40]
        return None

    def _is_optimizer(self, node: ast.expr) -> bool:
        try:
            return any(self.optimizers.kind(p.node, p.frame) for p in self.objects.made(node))
        except Lost:
            return "optim" in (last_name(node) or "").lower()

    def _is_known(self, call: ast.Call) -> bool:
        """Return whether a call is torch's, a builtin's, or one of the file's own functions (which were followed)."""
        dotted = self.program.qualified(call.func)
        if dotted is not None:
            return dotted in _HARMLESS or dotted.startswith(("torch.", "tqdm", "numpy.", "wandb.", "logging."))
        name = last_name(call.func)
        if name in ("step", "append", "add", "extend", "format", *_READING):
            return True
        if self.program.definition(call.func) is not None or self.flow.callee(call) is not None:
            return True
        return self.objects.is_model(call.func)

    def clips(self, site: Site) -> Any:
        """Return how gradients are clipped: `norm`, `value`, None for not at all."""
        nodes = [n for n, _ in self.training.effects.runs(site.cycle)]
        for node in nodes:
            if isinstance(node, ast.Call):
                name = last_name(node.func) or ""
                if name in CLIPS:
                    return CLIPS[name]
                if name in _CLAMPS and reads_grad(node.func):
                    return "value"
                if "clip" in name.lower() and "grad" in name.lower():
                    return Missing(f"`{name}` comes from elsewhere")
        if not site.cycle:
            return Missing("no loop around the step is to be seen")
        stranger = self._stranger(nodes, site)
        return Missing(f"`{stranger}` is handed the model or the optimizer") if stranger else None


def reads_grad(func: ast.expr) -> bool:
    """Return whether a method is called on `.grad`, or on something of it."""
    inner = ast.walk(func.value) if isinstance(func, ast.Attribute) else ()
    return any(isinstance(n, ast.Attribute) and n.attr == "grad" for n in inner)
