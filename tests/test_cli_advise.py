"""`advise(model, ...)`: a live model in, a report out; nothing of the user's is touched."""

from __future__ import annotations

import copy
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nnlint import advise

RULE = "softmax-before-cross-entropy"


class Net(nn.Module):
    """Returns probabilities, from a layer that can be taken out of a live model."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, 16)
        self.head = nn.Linear(16, 3)
        self.out = nn.Softmax(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.head(torch.relu(self.hidden(x))))


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)  # away from the configuration of this repository
    torch.manual_seed(0)
    return {"data": (torch.randn(96, 4), torch.randint(0, 3, (96,))), "loss": nn.CrossEntropyLoss()}


def test_a_live_model_is_checked_with_its_loss_and_data(given: dict[str, Any]) -> None:
    net = Net()
    report = advise(net, optimizer=torch.optim.Adam(net.parameters()), **given)
    assert RULE in [finding.rule for finding in report.findings]
    (subject,) = report.subjects
    assert (subject.target, subject.status, subject.guessed) == ("Net", "traced", False)
    assert subject.parameters == sum(p.numel() for p in net.parameters())


def test_printing_reads_like_the_command_line(given: dict[str, Any]) -> None:
    text = str(advise(Net(), **given))
    assert text.startswith(f"error[{RULE}]: `CrossEntropyLoss` receives probabilities, not logits\n  --> ")
    assert "self.out(self.head(torch.relu(self.hidden(x))))" in text
    assert "help: return the logits" in text
    assert "\x1b" not in text


def test_a_notebook_gets_html_and_text(given: dict[str, Any]) -> None:
    report = advise(Net(), **given)
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == str(report)
    assert bundle["text/html"].startswith('<div class="nnlint">')
    assert RULE in bundle["text/html"]
    assert not hasattr(report, "_repr_html_")
    assert repr(report).startswith("<ModelReport: ")


def test_the_fix_is_a_changed_copy(given: dict[str, Any]) -> None:
    net = Net()
    x = given["data"][0]
    before = net(x)
    fixed = advise(net, **given).fix()
    assert torch.equal(net(x), before)
    assert torch.allclose(fixed(x).softmax(1), before)
    assert not torch.allclose(fixed(x), before)
    assert RULE not in [finding.rule for finding in advise(fixed, **given).findings]


def test_safe_fixes_alone_leave_the_model_as_it_is(given: dict[str, Any]) -> None:
    net = Net()
    fixed = advise(net, **given).fix(unsafe=False)
    assert fixed is not net
    assert torch.equal(fixed(given["data"][0]), net(given["data"][0]))


def test_what_needs_the_source_is_said(given: dict[str, Any]) -> None:
    class Functional(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.relu(self.hidden(x))).softmax(1)

    report = advise(Functional(), **given)
    with pytest.warns(UserWarning, match=f"not applied: {RULE}: return the logits: "):
        report.fix()


def test_nothing_of_the_users_is_touched(given: dict[str, Any]) -> None:
    net = Net().eval()
    net.hidden.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    weights = copy.deepcopy(net.state_dict())
    modes = [module.training for module in net.modules()]
    settings = copy.deepcopy(optimizer.state_dict())
    random_state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advise(net, optimizer=optimizer, **given)
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == modes
    assert optimizer.state_dict() == settings
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize(
    "inputs", [torch.randn(5, 4), (torch.randn(5, 4),), {"x": torch.randn(5, 4)}, "5x4", ["5x4:float32"]], ids=type
)
def test_inputs_in_every_form(inputs: Any, given: dict[str, Any]) -> None:
    (subject,) = advise(Net(), inputs=inputs).subjects
    assert (subject.status, subject.guessed) == ("traced", False)
    assert "5x4:float32" in subject.input[0]


def test_a_recipe_completes_what_the_objects_tell(given: dict[str, Any]) -> None:
    needs = {entry.needs for entry in advise(Net(), **given).not_checked}
    assert "recipe.updates" in needs
    told = advise(Net(), recipe={"updates": 5000, "batch_size": 32, "epochs": 10}, **given)
    assert "recipe.updates" not in {entry.needs for entry in told.not_checked}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": 3}, TypeError, r"advise\(\) takes a torch.nn.Module, not int"),
        ({"model": Net}, TypeError, r"takes a model, not its class: write advise\(Net\(...\)\)"),
        ({"loss": nn.MSELoss}, TypeError, "loss is called as loss.*not the class MSELoss"),
        ({"optimizer": 0.1}, TypeError, "optimizer is a torch.optim.Optimizer, not float"),
        ({"recipe": [1]}, TypeError, "recipe is a Recipe or a dict, not list"),
        ({"recipe": {"epoch": 3}}, ValueError, "a recipe has no 'epoch'; it has losses, optimizers"),
        ({"recipe": {"epochs": "many"}}, ValueError, "recipe: epochs: input should be a valid integer"),
        ({"inputs": "2xx"}, ValueError, "input '2xx' is not of the form"),
        ({"data": 5}, ValueError, "data is a DataLoader, a Dataset or a pair of arrays, not int"),
        ({"task": "guess"}, ValueError, "task 'guess' is none of binary"),
        ({"goal": "fame"}, ValueError, "goal 'fame' is none of accuracy"),
        ({"level": "low"}, ValueError, "level 'low' is none of advice"),
    ],
)
def test_wrong_arguments_are_said_in_plain_words(
    arguments: dict[str, Any], error: type[Exception], message: str, given: dict[str, Any]
) -> None:
    with pytest.raises(error, match=message):
        advise(**{"model": Net(), **arguments})


def test_a_mistake_in_the_configuration_is_a_value_error(given: dict[str, Any]) -> None:
    Path("pyproject.toml").write_text("[tool.nnlint]\nselct = []\n")
    with pytest.raises(
        ValueError, match=r"pyproject.toml:2: there is no setting named 'selct' \(did you mean 'select'"
    ):
        advise(Net())


def test_importing_nnlint_costs_nothing() -> None:
    code = (
        "import nnlint, sys; assert not {'torch', 'pydantic', 'click', 'libcst'} & set(sys.modules); nnlint.__version__"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
