"""From the command line to files: `train.py`, a folder, `net.py:Net(10)`, `package.module`, `package.module:Net`."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .report import Trouble
from .settings import Settings
from .source.files import find_files
from .source.text import SourceError

STDIN = "-"
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_MODULE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(.+)", re.DOTALL)


@dataclass(frozen=True)
class Target:
    """One file to inspect. `expression` is the model that the user asked for, `named` whether they named the file.

    `root` is the folder for `sys.path` where it is not that of the file.
    """

    path: Path
    expression: str | None = None
    named: bool = True
    root: Path | None = None


@dataclass(frozen=True)
class Stdin:
    """The file `path` that holds what was read from standard input, and the name `shown` that the user gave it."""

    path: Path
    shown: str


@contextlib.contextmanager
def standing_in(words: Sequence[str], name: str | None) -> Iterator[Stdin | None]:
    """Put standard input into a file for the time of a run, where one of the targets is `-`."""
    if STDIN not in words:
        yield None
        return
    shown = name or "<stdin>.py"
    with tempfile.TemporaryDirectory(prefix="nnlint-") as folder:
        path = Path(folder).resolve() / re.sub(r"[<>]", "_", Path(shown).name)
        path.write_bytes(sys.stdin.buffer.read())
        yield Stdin(path, shown)


class NoTarget(Exception):
    """A target that leads nowhere."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


def resolve(words: Sequence[str], settings: Settings, stdin: Stdin | None = None) -> tuple[list[Target], list[Trouble]]:
    """Return the files that `words` stand for, each once and in order, and what is wrong with the other words."""
    targets: dict[tuple[Path, str | None], Target] = {}
    troubles = []
    for word in words:
        try:
            for target in _targets(word, settings, stdin):
                key = (target.path.resolve(), target.expression)
                if key not in targets or target.named:
                    targets[key] = target
        except NoTarget as error:
            troubles.append(error.trouble)
    return list(targets.values()), troubles


def _targets(word: str, settings: Settings, stdin: Stdin | None) -> Iterable[Target]:
    if word == STDIN and stdin is not None:
        return [Target(stdin.path, root=Path(stdin.shown).absolute().parent)]
    path = Path(word)
    if path.exists():
        try:
            files = find_files([path], settings.exclude, Path(settings.root))
        except SourceError as error:
            raise NoTarget(Trouble(kind="source", path=word, message=error.message, help=error.help)) from error
        return [Target(file, named=not path.is_dir()) for file in files]
    before, colon, expression = word.partition(".py:")
    if colon:
        file = Path(before + ".py")
        if not file.is_file():
            raise NoTarget(_missing(str(file)))
        return [Target(file, _expression(word, expression))]
    module = _MODULE.fullmatch(word)
    if module and "/" not in module[1]:
        return [Target(_module_file(module[1], word, settings), _expression(word, module[2]))]
    if _DOTTED.fullmatch(word) and not word.endswith((".py", ".ipynb")):
        with contextlib.suppress(NoTarget):  # a mistyped file name is more likely than a module that is not there
            return [Target(_module_file(word, word, settings))]
    raise NoTarget(_missing(word))


def _expression(word: str, text: str) -> str:
    if not text.strip():
        help = "write path.py:Net or path.py:Net(10)"
        raise NoTarget(Trouble(kind="target", message=f"{word!r} names no model", help=help))
    return text.strip()


def _module_file(name: str, word: str, settings: Settings) -> Path:
    """Find the file of a module without importing anything."""
    root = Path(settings.root)
    for folder in dict.fromkeys((Path.cwd(), Path.cwd() / "src", root, root / "src", *map(Path, sys.path))):
        base = folder.joinpath(*name.split("."))
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file
    message = f"{word}: there is no module {name} here or on Python's path"
    raise NoTarget(Trouble(kind="missing-file", message=message, help="start nnlint in the folder that holds it"))


def _missing(word: str) -> Trouble:
    path = Path(word)
    folder = path.parent
    near: list[str] = []
    if folder.is_dir():
        near = difflib.get_close_matches(path.name, [p.name for p in folder.iterdir()], n=1, cutoff=0.75)
    hint = f"did you mean {(folder / near[0]).as_posix()!r}?" if near else ""
    return Trouble(kind="missing-file", path=word, message="no such file or folder", help=hint)
