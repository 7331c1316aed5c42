"""Configuration and options: what is in force, and what is said of a mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nnlint.catalogue import asked_of, check_names
from nnlint.configuration import line_of, load, with_options
from nnlint.render.settings import table
from nnlint.rule import Rule
from nnlint.settings import ConfigurationError, Settings, chosen


@pytest.mark.parametrize(
    ("select", "ignore", "on"),
    [
        (["ALL"], [], True),
        (["ALL"], ["dropout-on-output"], False),
        (["ALL"], ["dropout"], False),
        (["ALL"], ["error"], False),
        (["ALL"], ["gradients"], True),
        (["dropout-on-output"], ["dropout"], True),
        (["dropout"], ["dropout-on-output"], False),
        (["dropout"], ["dropout"], False),
        (["error"], ["ALL"], True),
        (["warning"], [], False),
        ([], [], False),
    ],
)
def test_the_most_exact_word_decides(select: list[str], ignore: list[str], on: bool) -> None:
    assert chosen("dropout-on-output", "dropout", "error", select, ignore) is on


def configured(folder: Path, text: str) -> Settings:
    (folder / "pyproject.toml").write_text(text)
    return load(folder)


def test_the_nearest_table_counts(tmp_path: Path) -> None:
    configured(tmp_path, '[tool.nnlint]\npython = "far"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'nnlint-user'\n")
    settings = load(inner)
    assert (settings.python, settings.root) == ("far", str(tmp_path))


def test_every_key_is_understood(tmp_path: Path) -> None:
    settings = configured(
        tmp_path,
        """
[tool.nnlint]
select = ["dropout"]
extend-select = ["gradients"]
ignore = ["relu-before-loss"]
rule-paths = ["own"]
exclude = ["old"]
level = "advice"
fail-level = "error"
strict = true
run = true
argv = ["--epochs", "1"]
steps = 5
timeout = 2.5
allow-network = true
python = ".venv"
[tool.nnlint.per-file-ignores]
"tests/*" = ["ALL"]
[tool.nnlint.levels]
dropout-on-output = "warning"
[[tool.nnlint.models]]
target = "net.py:Net(10)"
input = ["2x3", "2x4:int64"]
""",
    )
    assert settings.select == ("dropout", "gradients")
    assert (settings.level, settings.fail_level, settings.steps, settings.timeout) == ("advice", "error", 5, 2.5)
    assert settings.per_file_ignores == {"tests/*": ("ALL",)}
    assert settings.levels == {"dropout-on-output": "warning"}
    assert settings.models[0].input == ("2x3", "2x4:int64")
    assert settings.origin["timeout"].line == 14


@pytest.mark.parametrize(
    ("text", "line", "message", "help"),
    [
        ('[tool.nnlint]\nselct = ["ALL"]\n', 2, "there is no setting named 'selct'", "did you mean 'select'?"),
        ("[tool.nnlint]\n\nsteps = 0\n", 3, "steps takes a positive integer, not 0", ""),
        ("[tool.nnlint]\nrun = 1\n", 2, "run takes true or false, not 1", ""),
        ("[tool.nnlint]\nselect = 'ALL'\n", 2, "select takes a list of strings, not 'ALL'", ""),
        ('[tool.nnlint]\nlevel = "low"\n', 2, "level 'low' is none of advice, warning, error", ""),
        ('[tool.nnlint.levels]\nx = "off"\n', 2, "level 'off' is none of advice, warning, error", ""),
        ('[tool.nnlint]\ngoal = "acuracy"\n', 2, "goal 'acuracy' is none of accuracy,", "did you mean 'accuracy'?"),
        ("[tool.nnlint]\nthresholds = 3\n", 2, "thresholds takes a table for each rule, not 3", ""),
        ('[[tool.nnlint.models]]\ntarget = "Net"\n', 1, 'a model needs target = "path.py:Net(10)"', ""),
        (
            '[[tool.nnlint.models]]\ntarget = "a.py:N"\ninputs = "2"\n',
            3,
            "a model has no setting named 'inputs'",
            "did you mean 'input'?",
        ),
        ("[tool.nnlint\n", 1, "not valid TOML", ""),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str, line: int, message: str, help: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(tmp_path, text)
    assert caught.value.message.startswith(message)
    assert Path(caught.value.path or "").name == "pyproject.toml"
    assert (caught.value.line, caught.value.help) == (line, help)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load(tmp_path, tmp_path / "other.toml")


RULES = [Rule(check=len, level="error", since="0.1", name="dropout-on-output", family="dropout")]


def test_a_rule_that_does_not_exist_is_said_with_its_line(tmp_path: Path) -> None:
    settings = configured(tmp_path, '[tool.nnlint]\nignore = [\n  "dropout",\n  "dropout-on-outptu",\n]\n')
    with pytest.raises(ConfigurationError) as caught:
        check_names(settings, RULES)
    assert (caught.value.line, caught.value.help) == (4, "did you mean 'dropout-on-output'?")


def test_a_rule_that_does_not_exist_on_the_command_line() -> None:
    settings = with_options(Settings(), {"select": ("dropuot",)})
    with pytest.raises(ConfigurationError, match=r"^--select: there is no rule, family or level named 'dropuot'$"):
        check_names(settings, RULES)


def test_options_stand_on_top_of_the_configuration(tmp_path: Path) -> None:
    settings = configured(tmp_path, '[tool.nnlint]\nselect = ["a"]\nignore = ["b", "c"]\nexclude = ["x"]\nsteps = 7\n')
    both = with_options(settings, {"select": ("b",), "ignore": ("d",), "exclude": ("y",), "steps": None, "run": True})
    assert (both.select, both.ignore, both.exclude) == (("b",), ("c", "d"), ("x", "y"))
    assert (both.steps, both.run) == (7, True)
    assert str(both.origin["run"]) == "--run"
    assert str(both.origin["steps"]).endswith("pyproject.toml:5")


def test_run_and_static_contradict_each_other() -> None:
    with pytest.raises(ConfigurationError, match="contradict"):
        with_options(Settings(), {"run": True, "static": True})


def test_lines_of_keys_are_found_in_their_own_table() -> None:
    text = "[tool.ruff]\nselect = 1\n[tool.nnlint]\n'select' = 2\n[tool.nnlint.levels]\n"
    assert line_of(text, "tool.nnlint", "select") == 4
    assert line_of(text, "tool.nnlint", "levels") == 5
    assert line_of(text, "tool.nnlint", "missing") == 3


def with_limit(*, most: int = 5, share: float = 0.1, goal: str | None = None) -> None:
    """A rule's function with what a user may set."""


LIMITED = [Rule(check=with_limit, level="advice", since="0.1", name="deep", family="structure")]
DEEP = "[tool.nnlint.thresholds.deep]\n"


@pytest.mark.parametrize(
    ("text", "line", "message", "help"),
    [
        (DEEP + "most = 3\nmots = 2\n", 3, "deep has no threshold named 'mots'", "did you mean 'most'?"),
        ("[tool.nnlint.thresholds]\ndeep = { of = 2 }\n", 2, "deep has no threshold", "it has most, share"),
        (DEEP + "most = 3.5\n", 2, "deep: most takes a whole number, not 3.5", "its default is 5"),
        (DEEP + "share = true\n", 2, "deep: share takes a number, not True", "its default is 0.1"),
        ("\n" + DEEP.replace("p]", "b]"), 2, "there is no rule named 'deeb'", "did you mean 'deep'?"),
    ],
)
def test_a_mistake_in_a_threshold_is_said_with_its_line(
    tmp_path: Path, text: str, line: int, message: str, help: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_names(configured(tmp_path, text), LIMITED)
    assert caught.value.message.startswith(message)
    assert (caught.value.line, caught.value.help) == (line, help)


def test_thresholds_and_the_goal_reach_a_rule(tmp_path: Path) -> None:
    settings = configured(tmp_path, '[tool.nnlint]\ngoal = "latency"\n' + DEEP + "most = 3\nshare = 1\n")
    check_names(settings, LIMITED)
    assert LIMITED[0].thresholds == {"most": 5, "share": 0.1}
    assert LIMITED[0].wants == {}
    assert asked_of(LIMITED[0], settings) == {"most": 3, "share": 1, "goal": "latency"}
    assert asked_of(RULES[0], settings) == {}
    shown = table(settings)
    assert re.search(r'goal += "latency" +# .*pyproject.toml:2', shown)
    assert re.search(r'thresholds += \{"deep": \{"most": 3, "share": 1\}\} +# .*pyproject.toml:3', shown)
