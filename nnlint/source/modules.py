"""Which classes of a file are modules, and which expressions make a model."""

from __future__ import annotations

import ast
import re

from .effects import Effects
from .flow import Lost, default_of
from .program import Program, last_name
from .scopes import FUNCTIONS, Function
from .values import Values

_ROOTS = frozenset({"torch.nn.Module", "torch.jit.ScriptModule", "torch.nn.modules.Module"})
_WEIGHTED = frozenset(
    {"Linear", "Bilinear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "RNN",
     "LSTM", "GRU", "Embedding", "EmbeddingBag", "MultiheadAttention", "Transformer", "TransformerEncoder",
     "TransformerDecoder", "TransformerEncoderLayer", "TransformerDecoderLayer", "LazyLinear", "LazyConv1d",
     "LazyConv2d", "LazyConv3d"}
)  # fmt: skip
WRAPPERS = frozenset(
    {"torch.compile", "torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel", "torch.jit.script",
     "torch.nn.utils.weight_norm", "torch.optim.swa_utils.AveragedModel"}
)  # fmt: skip
MOVES = frozenset(
    {"to", "cuda", "cpu", "eval", "train", "double", "float", "half", "bfloat16", "requires_grad_", "apply",
     "share_memory", "to_empty"}
)  # fmt: skip
"""Methods of a module that return the module."""
_TRANSFORMER = re.compile(r"(?!Auto)[A-Z]\w*(?:Model|For[A-Z]\w*|HeadModel|Encoder|Decoder)")
"""Classes of transformers that are models: `BertModel`, `LlamaForCausalLM`, `GPT2LMHeadModel`."""


class Modules:
    """The module classes and the model-making functions of one file."""

    def __init__(self, values: Values, effects: Effects) -> None:
        self.values, self.effects = values, effects
        self.program: Program = values.program
        self._classes: dict[ast.ClassDef, bool] = {}
        self._functions: dict[Function, bool] = {}
        self.classes = [c for c in self.program.classes if self.is_class(c)]

    def is_class(self, cls: ast.ClassDef) -> bool:
        """Return whether a class is a `torch.nn.Module` (or a Lightning one)."""
        if cls not in self._classes:
            self._classes[cls] = False
            self._classes[cls] = any(self._is_base(b) for b in cls.bases) or self._looks_like_one(cls)
        return self._classes[cls]

    def _is_base(self, base: ast.expr) -> bool:
        definition = self.program.definition(base)
        if isinstance(definition, ast.ClassDef):
            return self.is_class(definition)
        dotted = self.program.qualified(base)
        if dotted is None:
            return False
        if dotted in _ROOTS or dotted.endswith(".LightningModule"):
            return True
        return dotted.startswith(("torch.nn.", "torchvision.models.")) and last_name(base) not in ("Parameter", "init")

    def _looks_like_one(self, cls: ast.ClassDef) -> bool:
        """A class of an imported base that defines `forward` and builds torch layers is one as well."""
        imported = [b for b in map(self.program.qualified, cls.bases) if b and "." in b]
        if not imported or all(b.startswith(("torch.", "abc.", "typing.", "enum.")) for b in imported):
            return False
        methods = {s.name: s for s in cls.body if isinstance(s, FUNCTIONS)}
        if "forward" not in methods or "__init__" not in methods:
            return False
        calls = [n for n in self.program.below(methods["__init__"]) if isinstance(n, ast.Call)]
        return any((self.program.qualified(c.func) or "").startswith("torch.nn.") for c in calls)

    def is_loss(self, cls: ast.ClassDef) -> bool:
        """Return whether a module class is a loss, by its base or its name."""
        names = [cls.name, *(last_name(b) or "" for c in self.values.flow.lineage(cls) for b in c.bases)]
        return any(n.lower().endswith(("loss", "criterion")) for n in names)

    def makes(self, node: ast.AST | None, depth: int = 12) -> bool:
        """Return whether an expression makes (or stands for) a model."""
        if node is None or not depth:
            return False
        match node:
            case ast.Call():
                return self._call_makes(node, depth - 1)
            case ast.IfExp(body=body, orelse=orelse):
                return self.makes(body, depth - 1) or self.makes(orelse, depth - 1)
            case ast.Name() | ast.Attribute():
                return any(self.makes(one, depth - 1) for one in self._stands_for(node))
        return False

    def _stands_for(self, node: ast.Name | ast.Attribute) -> list[ast.expr]:
        flow = self.values.flow
        try:
            if isinstance(node, ast.Name):
                found = self.program.scope[node].lookup(node.id) if node in self.program.scope else None
                handed = found is not None and any(b.kind == "parameter" for b in found[1])
                return [] if handed else [p.node for p in flow.definitions(node) if not p.path]
            owner = flow.own_class(node.value)
            return [p.node for p in flow.attributes(owner, node.attr) if not p.path] if owner else []
        except Lost:
            return []

    def _call_makes(self, call: ast.Call, depth: int) -> bool:
        definition = self.program.definition(call.func)
        if isinstance(definition, ast.ClassDef):
            return self.is_class(definition) and not self.is_loss(definition)
        if isinstance(definition, FUNCTIONS):
            return self.is_factory(definition, depth)
        dotted = self.program.qualified(call.func)
        if dotted is not None:
            if dotted in WRAPPERS:
                return bool(call.args) and self.makes(call.args[0], depth)
            return is_torch_model(dotted)
        if isinstance(call.func, ast.Attribute) and call.func.attr in MOVES:
            return self.makes(call.func.value, depth)
        return False

    def is_factory(self, function: Function, depth: int = 12) -> bool:
        """Return whether a function makes and returns a model, without training it."""
        if function not in self._functions:
            self._functions[function] = False
            try:
                returned = self.values.flow.returned(function)
            except Lost:
                returned = []
            plain = isinstance(function, ast.FunctionDef) and self.program.class_of(function) is None
            made = plain and any(self.makes(r, depth) for r in returned)
            self._functions[function] = made and not self.effects.trains(function.body)
        return self._functions[function]

    def holder(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the module class in whose body a node stands."""
        for outer in self.program.ancestors(node):
            if isinstance(outer, ast.ClassDef) and self.is_class(outer):
                return outer
        return None

    def init_of(self, cls: ast.ClassDef) -> Function | None:
        """Return the constructor of a class as far as this file defines it."""
        return self.method_of(cls, "__init__")

    def method_of(self, cls: ast.ClassDef, name: str) -> Function | None:
        """Return a method of a class, or of a base of it in this file."""
        return self.values.flow.method_of(cls, name)

    def open_arguments(self, function: Function | None, *, bound: bool) -> list[str]:
        """Return the parameters of a constructor or factory that have no default."""
        if function is None:
            return []
        spec = function.args
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)][1 if bound else 0 :]
        return [n for n in (*names, *(a.arg for a in spec.kwonlyargs)) if default_of(function, n) is None]


def is_torch_model(dotted: str) -> bool:
    """Return whether a dotted name is a class or function of a library that makes something trainable."""
    owner, _, name = dotted.rpartition(".")
    if owner == "torch.nn":
        return name == "Sequential" or name in _WEIGHTED
    if owner.partition(".")[0] == "transformers":
        return _TRANSFORMER.fullmatch(name) is not None or (name == "from_config" and ".Auto" in owner)
    return owner.startswith("torchvision.models") or dotted == "timm.create_model"
