"""Build the documentation into `site/`: the pages in `docs/pages`, and one page for each rule, made from the rule.

A rule's page is its docstring, its pair and the difference between the two, so it says what the rule does and nothing
else. Nothing that is made here is committed.
"""

from __future__ import annotations

import difflib
import json
import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import click
import confirm_tables
import coverage_tables
import evidence_tables
import mutation_tables
import observing_tables
import peers_tables
import range_test_tables
import silence_tables
import speed_tables
import tracing_tables
import yaml

from nnlint.cli import cli
from nnlint.configuration import KEYS
from nnlint.registry import load
from nnlint.rule import Rule
from nnlint.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "pages"
MADE = ROOT / "build" / "docs"
README = ROOT / "README.md"
FIGURE = ROOT / "docs" / "figures" / "small_resnet.py"
MARKER = re.compile(r"^[ \t]*# finding: .*\n|[ \t]*# finding: .*$", re.MULTILINE)
LEVELS = {
    "error": "shown by execution, or exact from the source: the program cannot do what it is for",
    "warning": "measured harm, its precondition confirmed",
    "advice": "worth knowing, hidden unless asked for (`--level advice`)",
    "experiment": "a proposal to try, never a finding",
}


def main() -> None:
    """Write all pages and let mkdocs build the site, any warning being an error."""
    rules = load()
    shutil.rmtree(MADE, ignore_errors=True)
    (MADE / "rules").mkdir(parents=True)
    made_of = {
        "settings": settings(),
        "facts": facts(),
        **tracing_tables.tables(),
        **observing_tables.tables(),
        **mutation_tables.tables(),
        **confirm_tables.tables(),
        **speed_tables.tables(),
        "range-test": range_test_tables.table(),
        "silence": silence_tables.tables(),
        "peers": peers_tables.tables(),
    }
    made_of["evidence"] = evidence_tables.of_all(rules)
    for page in sorted(PAGES.glob("*.md")):
        text = _filled(page.read_text("utf-8"), made_of)
        _write(page.name, text.replace("{{ coverage }}", coverage_tables.tables()))
    for schema in sorted((ROOT / "docs" / "schema").glob("*.json")):
        shutil.copy(schema, MADE)
    shutil.copy(ROOT / "docs" / "tables.css", MADE)
    _write("operations.svg", tracing_tables.plot())
    _write("index.md", _front_page())
    _write("command-line.md", command_line())
    _write("rules/index.md", index(rules))
    for rule in rules:
        _write(f"rules/{rule.name}.md", page_of(rule))
    configuration = yaml.safe_load((ROOT / "docs" / "mkdocs.yml").read_text("utf-8"))
    configuration |= {"docs_dir": str(MADE), "site_dir": str(ROOT / "site"), "nav": navigation(rules)}
    made = MADE.parent / "mkdocs.yml"
    made.write_text(yaml.safe_dump(configuration, sort_keys=False), "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(made)]
    if subprocess.run(command, check=False).returncode:
        sys.exit("the documentation could not be built")
    print(f"site/ holds {len(rules)} rules in {len({r.family for r in rules})} families")


def page_of(rule: Rule) -> str:
    """The page of one rule."""
    bad, good = (_program(rule.pair(side)) for side in ("bad", "good"))
    changes = list(difflib.unified_diff(bad.splitlines(), good.splitlines(), lineterm="", n=2))[2:]
    parts = [
        f"# {rule.name}",
        f"**{rule.level}** · family [{_title(rule.family)}](index.md#{rule.family}) · since {rule.since}"
        + (" · preview: its evidence is being gathered" if rule.preview else ""),
        rule.summary,
        _sections(rule.doc.partition("\n")[2]),
        "## Example",
        _fenced(bad, "python"),
        "The sound program differs in:",
        _fenced("\n".join(changes), "diff"),
        evidence_tables.of_rule(rule),
        "## Leave it out",
        _fenced(f"loss = ...  # nnlint: ignore[{rule.name}] the reason", "python"),
        "The comment stands on the line of the finding. For the whole project, write "
        f'`ignore = ["{rule.name}"]` under `[tool.nnlint]`. '
        "See [Suppress a finding](../suppress.md).",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def index(rules: list[Rule]) -> str:
    """The table of all rules, by family."""
    lines = ["# Rules", "", f"{len(rules)} rules. A level is the highest that a rule may reach:", ""]
    lines += [f"- **{level}**: {meaning}" for level, meaning in LEVELS.items()]
    for family, members in groupby(sorted(rules, key=lambda r: (r.family, r.name)), key=lambda r: r.family):
        lines += ["", f"## {_title(family)} {{: #{family} }}", "", "| rule | level | |", "|---|---|---|"]
        lines += [f"| [{r.name}]({r.name}.md) | {r.level} | {r.summary.replace('|', chr(92) + '|')} |" for r in members]
    return "\n".join(lines) + "\n"


def navigation(rules: list[Rule]) -> list[dict[str, object]]:
    """The site's table of contents."""
    families = groupby(sorted(rules, key=lambda r: (r.family, r.name)), key=lambda r: r.family)
    of_rules: list[dict[str, object]] = [{"All rules": "rules/index.md"}]
    of_rules += [{_title(family): [{r.name: f"rules/{r.name}.md"} for r in members]} for family, members in families]
    pages = [{_heading(page): page.name} for page in sorted(PAGES.glob("*.md"))]
    return [{"nnlint": "index.md"}, {"Rules": of_rules}, *pages, {"Command line": "command-line.md"}]


def command_line() -> str:
    """The help of every command, as the command line says it."""
    parts = ["# Command line"]
    with click.Context(cli, info_name="nnlint", terminal_width=100) as context:
        parts += ["## nnlint", _fenced(cli.get_help(context), "text")]
        for name, command in sorted(cli.commands.items()):
            inner = click.Context(command, info_name=name, parent=context, terminal_width=100)
            parts += [f"## nnlint {name}", _fenced(command.get_help(inner), "text")]
    return "\n\n".join(parts) + "\n"


def settings() -> str:
    """Every setting, what it takes and what holds without it."""
    defaults = Settings()
    lines = ["| setting | takes | without it |", "|---|---|---|"]
    for key, (name, takes) in KEYS.items():
        value = "" if key == "extend-select" else json.dumps(getattr(defaults, name)).replace("null", "")
        lines.append(f"| `{key}` | {takes} | {f'`{value}`' if value not in ('', '[]', '{}') else ''} |")
    return "\n".join(lines)


def _filled(text: str, made_of: dict[str, str]) -> str:
    """A page with what is made for it in the places of `{{ name }}`."""
    for name, made in made_of.items():
        text = text.replace("{{ " + name + " }}", made)
    return text


def facts() -> str:
    """What `nnlint facts` says of the model in the picture, which is drawn as well."""
    _said("graph", "--output-file", str(MADE / "graph.svg"))
    return _said("facts").rstrip()


def _said(command: str, *options: str) -> str:
    """What nnlint writes about the model of the pictures."""
    words = [sys.executable, "-m", "nnlint", command, FIGURE.name, *options]
    done = subprocess.run(words, cwd=FIGURE.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"nnlint {command} failed: {done.stderr}")
    return done.stdout


def _front_page() -> str:
    """The README without what only its generator reads; links into the tree become names."""
    text = re.sub(r"<!-- .*? -->\n", "", README.read_text("utf-8"))
    return re.sub(r"\[([^]]+)\]\((?!https?:)[^)]*\)", r"\1", text)


def _sections(text: str) -> str:
    """A docstring's sections as headings: a line at the margin is one, what is indented stands below it."""
    lines = [
        re.sub(r"^    ", "", line) if line.startswith(" ") else f"## {line}\n" if line else ""
        for line in text.splitlines()
    ]
    return "\n".join(lines).strip()


def _program(path: Path) -> str:
    return MARKER.sub("", path.read_text("utf-8")).strip() + "\n"


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def _title(family: str) -> str:
    return family.replace("_", " ").capitalize()


def _heading(page: Path) -> str:
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


def _write(name: str, text: str) -> None:
    (MADE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
