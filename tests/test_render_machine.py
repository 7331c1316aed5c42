"""The forms that programs read: JSON, SARIF, GitHub's annotations, Markdown, HTML."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path

import jsonschema
import pytest
from sample_reports import FULL, edit, finding, subject

from nnlint import registry
from nnlint.render import Form, render
from nnlint.report import Related, Report, ReportedFix, Trouble
from nnlint.settings import Settings

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "schema" / "report.schema.json").read_text("utf-8"))


def valid(report: Report) -> dict[str, object]:
    data = json.loads(render(report, Settings(), Form("json")))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    return data


@pytest.mark.parametrize(
    "report", [FULL, Report(), Report(errors=(Trouble(kind="x", message="y"),))], ids=("full", "empty", "error")
)
def test_json_keeps_the_contract(report: Report) -> None:
    data = valid(report)
    assert len(data["findings"]) == len(report.findings)


def test_json_holds_every_level_and_null_for_the_unknown() -> None:
    nowhere = {"path": None, "line": None, "column": None, "end_line": None, "end_column": None}
    data = valid(Report(findings=(finding(level="advice", **nowhere), finding(level="error"))))
    first = data["findings"][0]
    assert [f["level"] for f in data["findings"]] == ["advice", "error"]
    assert (first["path"], first["line"], first["evidence"], first["module"]) == (None, None, None, None)


def test_the_schema_refuses_what_the_contract_does_not_know() -> None:
    data = json.loads(render(FULL, Settings(), Form("json")))
    data["findings"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.Draft202012Validator(SCHEMA).validate(data)


def test_sarif_is_what_code_scanning_reads() -> None:
    rules = registry.load()
    report = Report(
        findings=(finding(rule=rules[0].name), finding(rule=rules[0].name), finding(level="advice")),
        subjects=(subject(),),
    )
    data = json.loads(render(report, Settings(), Form("sarif"), rules=rules, version="1.2.3"))
    assert data["version"] == "2.1.0"
    (run,) = data["runs"]
    (described,) = run["tool"]["driver"]["rules"]
    assert described["id"] == rules[0].name
    assert described["help"]["text"].startswith(described["shortDescription"]["text"])
    assert run["columnKind"] == "unicodeCodePoints"
    assert [r["level"] for r in run["results"]] == ["warning", "warning", "note"]
    assert [r.get("ruleIndex") for r in run["results"]] == [0, 0, None]
    prints = [r["partialFingerprints"]["primaryLocationLineHash"] for r in run["results"]]
    assert len(set(prints)) == 3
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "net.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 4}


def test_sarif_fingerprints_outlive_a_shift_of_lines() -> None:
    def prints(source: str, line: int) -> str:
        report = Report(findings=(finding(line=line, end_line=line),), sources={"net.py": source})
        data = json.loads(render(report, Settings(), Form("sarif")))
        return data["runs"][0]["results"][0]["partialFingerprints"]["primaryLocationLineHash"]

    assert prints("x = bad\n", 1) == prints("import torch\n\nx = bad\n", 3)
    assert prints("x = bad\n", 1) != prints("y = bad\n", 1)


def test_sarif_says_when_something_could_not_be_checked() -> None:
    data = json.loads(render(FULL, Settings(), Form("sarif")))
    (invocation,) = data["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    levels = [n["level"] for n in invocation["toolExecutionNotifications"]]
    assert levels == ["error", "warning"]


def test_github_annotations_are_escaped() -> None:
    report = Report(findings=(finding(path="a,b:c.py", message="50 % of it\nor so", end_column=9),))
    (line,) = render(report, Settings(), Form("github")).splitlines()
    assert line == ("::warning file=a%2Cb%3Ac.py,line=1,col=1,endColumn=8,title=nnlint (some-rule)::50 %25 of it or so")


def test_github_shows_the_levels_of_the_screen_and_the_errors() -> None:
    report = Report(
        findings=(finding(level="advice"),), errors=(Trouble(kind="source", path="x.py", line=2, message="bad"),)
    )
    assert render(report, Settings(), Form("github")) == "::error file=x.py,line=2,title=nnlint (source)::bad\n"
    shown = render(report, Settings(level="advice"), Form("github"))
    assert shown.startswith("::notice file=net.py,")


def test_markdown_cannot_be_broken_out_of() -> None:
    fix = ReportedFix(title="use `x`", safety="safe", edits=(edit(1, 1, 1, 4, "new"),))
    also = (Related(path="net.py", line=1, column=1, end_line=1, end_column=2, message="here"),)
    report = Report(
        findings=(finding(message="a * b | <script> `code`", fixes=(fix,), related=also),),
        sources={"net.py": "old = '```'\n"},
    )
    text = render(report, Settings(), Form("markdown"))
    assert r"a \* b \| \<script\> `code`" in text
    fences = re.findall(r"^(`{3,})(\w*)$", text, re.M)
    assert [language for _, language in fences] == ["text", "", "diff", ""]
    assert fences[0][0] == "````"
    assert "+new = '```'" in text


class Checker(html.parser.HTMLParser):
    """Counts what is open, so that nothing stays so."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def test_html_is_whole_and_escaped() -> None:
    report = Report(
        findings=(finding(message="<script>alert(1)</script> `a < b`", column=5, end_column=8, label="<i>"),),
        sources={"net.py": "a < bad & c\n"},
        subjects=(subject(),),
    )
    page = render(report, Settings(), Form("html"))
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    text = "".join(checker.text)
    assert "<script>alert(1)</script> a < b" in text
    assert "<script>" not in page
    assert '<mark class="primary">bad</mark> &amp; c' in page
    assert "1 finding" in text


def test_html_needs_nothing_from_outside() -> None:
    page = render(FULL, Settings(level="advice"), Form("html"))
    assert not re.search(r"https?://|src=|@import|url\(", page)
