"""What a machine can check of how this project is written."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnlint.registry import load

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 350
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "stuff"}
SECTIONS = ["Why is this bad?", "When is it fine?", "Fix safety", "References"]


def repository() -> list[Path]:
    """Every file that belongs to the project: what git tracks and what it would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


FILES = repository()
WRITTEN = [p for p in FILES if p.suffix == ".py" and ".bad." not in p.name and ".good." not in p.name
           and not {"programs", "bugs", "examples"} & set(p.relative_to(ROOT).parts)]  # fmt: skip
RULES = load()


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(path: Path) -> str:
    """A file's text; "" for one that holds none."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_file_is_too_long() -> None:
    code = [p for p in WRITTEN if p.relative_to(ROOT).parts[0] != "tests"]
    long = {name(p): n for p in code if (n := len(text(p).splitlines())) > LONGEST_FILE}
    assert not long, "is there a second thing in there?"


def test_no_function_is_too_long() -> None:
    long = {
        f"{name(path)}:{node.lineno} {node.name}": length
        for path in WRITTEN
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long


def test_files_are_named_for_what_they_hold() -> None:
    empty = [name(p) for p in FILES if EMPTY_NAMES & {*p.relative_to(ROOT).parts[:-1], p.name.partition(".")[0]}]
    assert not empty


def test_one_word_for_one_thing() -> None:
    other_word = re.compile(r"\bviolation", re.I)
    wrong = [
        name(p) for p in FILES if p != Path(__file__) and p.suffix in {".py", ".md"} and other_word.search(text(p))
    ]
    assert not wrong, "it is called a finding"


def test_nothing_is_said_of_the_machine_it_was_written_on() -> None:
    place = re.compile(r"(?<![\w.~$}])/(?:home|root|Users|work|mnt|srv|opt)/\w")
    host = re.compile(r"pypi[.]org|python[h]osted|index[-]url|find[-]links|registry[.]npm")
    wrong = [f"{name(p)}: {hit[0]}" for p in FILES for hit in (place.search(text(p)), host.search(text(p))) if hit]
    assert not wrong


def test_every_pinned_version_is_exact() -> None:
    lines = [line for line in text(ROOT / "requirements.txt").splitlines() if line and not line.startswith("#")]
    assert not [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)]
    assert "torch==2.13.0" in lines


def test_every_change_note_is_one_sentence() -> None:
    notes = [p for p in FILES if p.parent == ROOT / "changes" and p.name != "README.md"]
    wrong = [name(p) for p in notes if not re.fullmatch(r"[A-Z`][^\n]*\.\n", text(p))]
    assert not wrong


def test_make_check_is_what_ci_runs() -> None:
    makefile = text(ROOT / "Makefile")
    assert re.search(r"^check: .*\n\t@bash \.ci/run$", makefile, re.M)
    targets = set(re.search(r"for target in ([a-z ]+);", text(ROOT / ".ci" / "run"))[1].split())  # type: ignore[index]
    assert {"lint", "types", "docs", "test"} <= targets <= set(re.findall(r"^([a-z-]+):", makefile, re.M))


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", text(ROOT / "Makefile"), re.M)[1].split()  # type: ignore[index]
    assert set(phony) == set(re.findall(r"^  make ([a-z-]+) ", listed, re.M))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_every_rule_has_its_pair(rule) -> None:  # type: ignore[no-untyped-def]
    assert rule.pair("bad").is_file()
    assert rule.pair("good").is_file()
    marker = re.compile(rf"# finding: {rule.name}\b")
    assert marker.search(text(rule.pair("bad"))), "the faulty program marks where the finding is"
    assert "# finding:" not in text(rule.pair("good"))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_every_rule_says_why_and_when_not(rule) -> None:  # type: ignore[no-untyped-def]
    headings = re.findall(r"^(\S[^\n]*)$", rule.doc.partition("\n")[2], re.M)
    assert headings == SECTIONS
    assert re.fullmatch(r"[A-Z`].*\.", rule.summary), "the first line is a sentence"
    assert len(rule.summary) <= 90


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_a_headline_states_a_fact(rule) -> None:  # type: ignore[no-untyped-def]
    said = [k.value for n in ast.walk(ast.parse(text(rule.path))) if isinstance(n, ast.Call)
            for k in n.keywords if k.arg == "says"]  # fmt: skip
    literal = [s for s in said if isinstance(s, ast.Constant | ast.JoinedStr)]
    for node in literal:
        words = ast.unparse(node).removeprefix("f")[1:-1]
        assert not re.match(r"[A-Z][a-z]", words), f"lower case: {words}"
        assert not words.endswith("."), f"no full stop: {words}"
        assert not re.search(r"\b(should|must|please|consider|try)\b", words), f"only `help` advises: {words}"


def test_no_file_of_the_rules_belongs_to_no_rule() -> None:
    stems = {rule.path.stem for rule in RULES}
    inside = [p for p in FILES if p.relative_to(ROOT).parts[0] == "rules" and p.name != "README.md"]
    assert not [name(p) for p in inside if p.name.partition(".")[0] not in stems]


def test_the_readme_shows_what_nnlint_says() -> None:
    command = [sys.executable, str(ROOT / "docs" / "readme.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n`make readme` writes it anew"
    assert "$ nnlint examples/" in text(ROOT / "README.md")
