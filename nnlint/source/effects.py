"""What running a piece of a file would set going: training, reading data."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from .flow import Flow
from .program import Program, children, last_name
from .scopes import FUNCTIONS, Function

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_TRAINERS = ("pytorch_lightning", "lightning", "transformers", "skorch", "ignite", "fastai", "accelerate")
_READERS = (
    "pandas.read_", "polars.read_", "polars.scan_", "numpy.load", "numpy.genfromtxt", "numpy.fromfile", "numpy.memmap",
    "torch.load", "torchvision.datasets.", "torchtext.datasets", "torchaudio.datasets", "torchaudio.load",
    "datasets.load_dataset", "sklearn.datasets.load_", "sklearn.datasets.fetch_", "seaborn.load_dataset", "h5py.File",
    "scipy.io.", "PIL.Image.open", "cv2.imread", "imageio.", "urllib.request.", "requests.", "pickle.load", "json.load",
    "csv.reader", "joblib.load", "glob.glob", "os.listdir", "os.walk", "librosa.load", "soundfile.read", "wget.",
    "gdown.", "mlxtend.data.",
)  # fmt: skip
_READING_METHODS = frozenset({"read_text", "read_bytes"})


def is_main_guard(node: ast.AST) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`."""
    if not isinstance(node, ast.If):
        return False
    tests = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
    for test in tests:
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            sides = [test.left, test.comparators[0]]
            names = {n.id for n in sides if isinstance(n, ast.Name)}
            texts = {n.value for n in sides if isinstance(n, ast.Constant)}
            if "__name__" in names and "__main__" in texts:
                return True
    return False


class Effects:
    """Follows calls from a set of statements into the functions of the file."""

    def __init__(self, program: Program, flow: Flow) -> None:
        self.program = program
        self.flow = flow
        self.guards = tuple(s for s in program.tree.body if isinstance(s, ast.If) and is_main_guard(s))

    def at_import(self) -> list[ast.stmt]:
        """Return the statements that an import runs (a guard's `else` among them)."""
        found: list[ast.stmt] = []
        for statement in self.program.tree.body:
            found.extend(statement.orelse if statement in self.guards else [statement])
        return found

    def runs(self, statements: Iterable[ast.AST]) -> Iterator[tuple[ast.AST, bool]]:
        """Yield every node that runs with `statements`, calls followed, and whether a loop stands around it."""
        seen: set[int] = set()
        todo: list[tuple[ast.AST, bool]] = [(s, False) for s in statements]
        while todo:
            node, looped = todo.pop()
            yield node, looped
            if isinstance(node, (*FUNCTIONS, ast.Lambda)):
                continue
            if isinstance(node, ast.Call):
                for entered in (self.entered(node), self.closure(node)):
                    if entered is not None and id(entered) not in seen:
                        seen.add(id(entered))
                        todo.extend((s, looped) for s in entered.body)
            inner = looped or isinstance(node, _LOOPS)
            todo.extend((child, inner) for child in children(node))

    def closure(self, call: ast.Call) -> Function | None:
        """Return the function of this file that is handed to `step(closure)`."""
        if last_name(call.func) == "step":
            for argument in [*call.args, *(k.value for k in call.keywords)]:
                definition = self.program.definition(argument)
                if isinstance(definition, FUNCTIONS):
                    return definition
        return None

    def entered(self, call: ast.Call) -> Function | None:
        """Return the function of this file that a call enters: a function, a method, a constructor."""
        return self.flow.callee(call) or self._constructor(call)

    def _constructor(self, call: ast.Call) -> Function | None:
        definition = self.program.definition(call.func)
        return self.flow.method_of(definition, "__init__") if isinstance(definition, ast.ClassDef) else None

    def trains(self, statements: Iterable[ast.AST]) -> bool:
        """Return whether running `statements` trains: a backward in a loop or with a step, or a framework's trainer."""
        backward = step = False
        for node, looped in self.runs(statements):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("backward", "manual_backward") and self.program.qualified(node.func) is None:
                if looped:
                    return True
                backward = True
            elif node.func.attr == "step":
                step = True
            elif node.func.attr in ("fit", "train") and self._is_trainer(node.func.value):
                return True
        return backward and step

    def _is_trainer(self, node: ast.expr) -> bool:
        """Return whether an expression is (or was built as) an object of a training framework."""
        if isinstance(node, ast.Name) and self.program.scope.get(node):
            found = self.program.scope[node].lookup(node.id)
            values = [b.value for b in found[1]] if found else []
        else:
            values = [node]
        for value in values:
            if isinstance(value, ast.Call):
                dotted = self.program.qualified(value.func) or ""
                if dotted.startswith(_TRAINERS) and "rainer" in (last_name(value.func) or ""):
                    return True
        return False

    def reads(self, statements: Iterable[ast.AST]) -> bool:
        """Return whether running `statements` reads files or data sets."""
        for node, _ in self.runs(statements):
            if not isinstance(node, ast.Call):
                continue
            dotted = self.program.qualified(node.func)
            if dotted is None:
                method = isinstance(node.func, ast.Attribute) and node.func.attr in _READING_METHODS
                if method:
                    return True
            elif dotted == "open" or dotted.startswith(_READERS):
                return True
        return False
