"""Bytes that are no Python: one clear line, never another exception."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnlint.source import SourceError, decode, find_files, outline, read_text, suppressions

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted((HERE.parent / "examples").glob("*.py"))
SOURCES = sorted((HERE.parent / "nnlint" / "source").glob("*.py"))
HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


def survives(text: str) -> None:
    """Read a text as the command line would; only a SourceError may come out."""
    refused: SourceError | None = None
    try:
        outline(Path("x.py"), text)
    except SourceError as error:
        refused = error
    assert refused is None or (str(refused).startswith("x.py") and "\n" not in refused.message)
    suppressions(text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
         "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n"),
        ("x = 'ü'\n".encode(), "x = 'ü'\n"),
    ],
)  # fmt: skip
def test_encodings_are_honoured(data: bytes, text: str) -> None:
    assert decode("x.py", data) == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x7fELF\0\0", "is a binary file"),
        ("x = 1".encode("utf-16"), "is a binary file"),
        (b"a = 1\nx = '\xe9'\n", "its encoding cannot be read|is not valid utf-8"),
        (b"# a long comment\n" * 3 + b"x = '\xe9'\n", "is not valid utf-8"),
        (b"# coding: nonsense\n", "unknown encoding: nonsense"),
        (b"# coding: rot13\nk=1\n", "its encoding cannot be read"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "its encoding cannot be read"),
    ],
)
def test_what_cannot_be_decoded_is_a_clear_line(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        decode("x.py", data)


@pytest.mark.parametrize(
    ("text", "line", "old"),
    [
        ("x = 1\ndef f(:\n", 2, False),
        ("print 'hello'\n", 1, True),
        ("try:\n    pass\nexcept Error, e:\n    pass\n", 3, True),
        ("raise E, 'x'\n", 1, True),
        ("if a <> b: pass\n", 1, True),
        ("x = 0777\n", 1, True),
        ("x = 1\n  y = 2\n", 2, False),
        ("x = '''\n", 1, False),
    ],
)
def test_a_syntax_error_has_its_line_and_what_stands_there(text: str, line: int, old: bool) -> None:
    with pytest.raises(SourceError) as error:
        outline(Path("x.py"), text)
    assert error.value.line == line
    assert text.split("\n")[line - 1].strip() in error.value.message
    assert ("Python 2" in error.value.help) is old


@pytest.mark.parametrize(
    "text",
    [
        "(" * 90 + "1" + ")" * 90, "(" * 500 + "1" + ")" * 500, "x = " + "-" * 50_000 + "1",
        "x = " + "1+" * 20_000 + "1",
        HEAD + "x = a" + ".b" * 5000 + "\nx.backward()\nx.step()\n", HEAD + "m = nn.Sequential()" + ".to(1)" * 3000,
        "if x: pass\n" + "elif x: pass\n" * 3000, "x = " + "[" * 150 + "]" * 150, "x = 1\0", "x = '\ud800'",
        HEAD + "x = y\ny = x\nmodel = nn.Linear(x, y)\nopt = torch.optim.SGD(model.parameters(), lr=x)\n",
        HEAD + "def f(n):\n    return f(n - 1)\nclass A(B): pass\nclass B(A): pass\nmodel = f(3)\n",
        HEAD + "loss = loss\nloss.backward()\nopt = opt\nopt.step()\n", "\ufeffx = 1\n", "\f\nx = 1\r\ny = 2\rz = 3\n",
    ],
)  # fmt: skip
def test_strange_texts_are_read_or_refused(text: str) -> None:
    survives(text)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"a = a + {i}\n" for i in range(20_000)) + "m = nn.Linear(a, 3)\n",
        "a0 = 1\n" + "".join(f"a{i} = a{i - 1} + 1\n" for i in range(1, 20_000)) + "m = nn.Linear(a19999, 2)\n",
        "".join(f"class N{i}(nn.Module):\n    def __init__(self):\n        self.a = nn.Linear(1, {i})\nm{i} = N{i}()\n"
                for i in range(2500)),
        "m = nn.Linear(1, 1)\nopt = torch.optim.SGD(m.parameters(), lr=0.1)\n"
        + "for x in data:\n    opt.zero_grad()\n    loss = F.mse_loss(m(x), y)\n    loss.backward()\n"
        "    opt.step()\n" * 4000,
    ],
    ids=["one name", "chain", "classes", "loops"],
)  # fmt: skip
def test_twenty_thousand_lines_take_seconds(text: str) -> None:
    before = time.process_time()
    survives(HEAD + text)
    assert time.process_time() - before < 10, "twenty thousand lines are read in a few seconds, even on a slow machine"


def test_every_beginning_of_a_program_is_read_or_refused() -> None:
    chance = random.Random(0)
    for path in PROGRAMS:
        text = path.read_text(encoding="utf-8")
        for _ in range(8):
            survives(text[: chance.randrange(len(text))])


def test_programs_with_names_and_lines_shuffled_are_read_or_refused() -> None:
    chance = random.Random(1)
    for path in (*PROGRAMS, *SOURCES):
        text = path.read_text(encoding="utf-8")
        names = sorted(set(re.findall(r"\b[a-z_]\w+\b", text)))
        survives("\n".join(line for line in text.split("\n") if chance.random() > 0.05))
        for _ in range(3):
            survives(re.sub(rf"\b{chance.choice(names)}\b", chance.choice(names), text))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        text = decode("x.py", data)
    except SourceError:
        return
    survives(text)


_WORDS = [
    "model",
    "loss",
    "opt",
    "x",
    "nn.Linear(2, 3)",
    "model(x)",
    "F.mse_loss(x, y)",
    "torch.optim.SGD(model.parameters())",
]
_LINES = st.sampled_from(
    [f"{a} = {b}" for a in ("model", "loss", "opt", "x", "self.a") for b in _WORDS]
    + [
        "loss += x",
        "loss.backward()",
        "opt.step()",
        "opt.zero_grad()",
        "for x in model:",
        "for e in range(3):",
        "if x:",
    ]
    + ["def f(x, y=model):", "class A(nn.Module):", "return model", "f(x)", "with x as loss:", "global opt", "else:"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(_LINES, st.integers(0, 3)), max_size=15))
def test_random_programs_are_read_or_refused(lines: list[tuple[str, int]]) -> None:
    depth, text = 0, HEAD
    for line, dedent in lines:
        depth = max(0, depth - dedent)
        text += "    " * depth + line + "\n"
        if line.endswith(":"):
            depth += 1
            text += "    " * depth + "pass\n"
    survives(text)


def test_a_missing_file_and_a_folder_are_clear_lines(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_text(tmp_path / "none.py")
    with pytest.raises(SourceError, match="is a folder"):
        read_text(tmp_path)
    with pytest.raises(SourceError, match="no such file or folder"):
        find_files([tmp_path / "none"], [], tmp_path)
    with pytest.raises(SourceError, match="holds no Python file"):
        find_files([tmp_path], [], tmp_path)


def test_folders_are_walked_as_git_sees_them(tmp_path: Path) -> None:
    for name in (
        "a.py", "b.txt", "sub/c.py", "sub/skip_me.py", "sub/deep/kept.py", "sub/deep/gone.py", ".venv/x.py",
        "build/x.py", "node_modules/x.py", "__pycache__/x.py", "mine/pyvenv.cfg", "mine/x.py", "gen/x.py",
        "env/__init__.py", "env/y.py",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("skip_*.py\n/gen/\n")
    (tmp_path / "sub/deep/.gitignore").write_text("*\n!kept.py\n")
    found = [p.relative_to(tmp_path).as_posix() for p in find_files([tmp_path], [], tmp_path)]
    assert found == ["a.py", "env/__init__.py", "env/y.py", "sub/c.py", "sub/deep/kept.py"]
    found = [p.relative_to(tmp_path).as_posix() for p in find_files([tmp_path / "sub"], ["sub/deep/"], tmp_path)]
    assert found == ["sub/c.py"]


def test_a_named_file_always_counts_and_only_once(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    (tmp_path / ".git").mkdir()
    file = tmp_path / "a.py"
    file.touch()
    assert find_files([file, str(file)], ["*.py"], tmp_path) == [file]
