"""`describe_object`: a live model with the user's own data, loss and optimizer, none of which is touched."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from nnlint.facts import Facts, Unknown  # noqa: E402
from nnlint.worker.job import describe_object  # noqa: E402


@pytest.fixture
def data():
    torch.manual_seed(0)
    return torch.randn(100, 6) * 50, torch.randint(0, 3, (100,))


def net():
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3), nn.Softmax(-1))


def described(model, **given):
    return Facts.model_validate(describe_object(model, **given))


def test_everything_given(data):
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
    loader = DataLoader(TensorDataset(*data), batch_size=10, shuffle=True)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    facts = described(model, data=loader, loss=nn.CrossEntropyLoss(), optimizer=optimizer, scheduler=scheduler)
    recipe = facts.recipe
    assert (recipe.loss.kind, recipe.loss.name, recipe.loss.reduction) == ("cross_entropy", "CrossEntropyLoss", "mean")
    assert [facts.model.graph[i].op for i in recipe.loss.reads] == ["softmax"]
    assert recipe.loss.span is None and recipe.loss.call is None  # noqa: PT018
    assert (recipe.optimizers[0].lr, recipe.optimizers[0].parameters[0]) == (0.5, "0.weight")
    assert (recipe.scheduler, recipe.batch_size, recipe.shuffles) == ("StepLR", 10, True)
    assert (facts.data.samples, facts.data.features[0].rows, facts.data.target.distinct) == (100, 100, 3)
    assert facts.probe.signals[0].gradient is not None


def test_what_nobody_gave_is_unknown(data):
    facts = described(net(), data=data, loss=F.cross_entropy)
    for read in ("optimizers", "scheduler", "batch_size", "loop", "epochs"):
        with pytest.raises(Unknown):
            getattr(facts.recipe, read)
    assert described(net()).recipe is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"inputs": torch.ones(4, 6)}, "4x6:float32"),
        ({"inputs": "5x6"}, "5x6:float32"),
        ({"inputs": ["7x6"]}, "7x6:float32"),
    ],
)
def test_inputs_in_every_form(given, shown):
    facts = described(net(), **given)
    assert (facts.subject.input, facts.subject.guessed) == ((shown,), False)
    assert facts.subject.status == "traced"


def test_a_loss_without_targets_is_known_by_name(data):
    facts = described(net(), inputs=data[0], loss=nn.MSELoss(reduction="sum"))
    assert (facts.recipe.loss.kind, facts.recipe.loss.reduction) == ("mse", "sum")
    assert [facts.model.graph[i].op for i in facts.recipe.loss.reads] == ["softmax"]


def test_nothing_is_touched(data):
    model, loss = net().eval(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(*data), batch_size=10, shuffle=True, generator=generator)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state, drawn = torch.get_rng_state(), generator.get_state()
    described(model, data=loader, loss=loss, optimizer=optimizer)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(drawn, generator.get_state())
    assert all(p.grad is None and not p._backward_hooks for p in model.parameters())
    assert not any(m.training for m in model.modules())
    assert optimizer.state == {}


@pytest.mark.parametrize("wrong", [5, ["a"], "loader"])
def test_data_that_is_none(wrong):
    with pytest.raises(ValueError, match="data is a DataLoader"):
        describe_object(net(), data=wrong)


def test_numpy_arrays(data):
    numpy = pytest.importorskip("numpy")
    facts = described(net(), data=(data[0].double().numpy(), data[1].numpy()), loss=F.cross_entropy)
    assert facts.data.features[0].dtype == "float32"
    assert facts.recipe.loss.kind == "cross_entropy"
    assert numpy is not None
