"""`report.confirm()` and `report.learning_rate()` on objects: a copy is trained, the objects stay as they are."""

import pytest

from nnlint import advise

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")
nn, utils = torch.nn, torch.utils.data


def parts():
    torch.manual_seed(0)
    inputs = torch.randn(300, 6)
    classes = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))
    loader = utils.DataLoader(utils.TensorDataset(inputs, classes), batch_size=25, shuffle=True)
    return model, loader, torch.optim.SGD(model.parameters(), lr=0.5)


def test_a_live_fix_is_confirmed_on_the_loader_handed_in():
    model, loader, optimizer = parts()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    report = advise(model, data=loader, loss=nn.CrossEntropyLoss(), optimizer=optimizer)
    state = torch.get_rng_state()
    found = report.confirm(seeds=3, budget=60, epochs=4, best_rate=False)
    verdict = next(v for v in found.verdicts if v.name == "softmax-before-cross-entropy")
    assert (verdict.seeds, verdict.metric.name) == (3, "accuracy"), found
    assert verdict.before < verdict.after
    assert "the data handed in" in found.data
    shown = found._repr_mimebundle_()
    assert ": softmax-before-cross-entropy" in shown["text/plain"]
    assert "<svg" in shown["image/svg+xml"]
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("given", "why"),
    [({"data": None}, "no data is known"), ({"loss": None}, "no loss is known"), ({"data": 3}, "not int")],
)
def test_what_cannot_be_trained_is_said(given, why):
    model, loader, _ = parts()
    report = advise(model, loss=given.get("loss", nn.CrossEntropyLoss()))
    with pytest.raises(ValueError, match=why):
        report.confirm(given.get("data", loader))


def test_the_rate_of_objects_is_suggested_and_nothing_of_them_changes():
    model, loader, optimizer = parts()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    report = advise(model, data=loader, loss=nn.CrossEntropyLoss(), optimizer=optimizer)
    state = torch.get_rng_state()
    found = report.learning_rate()
    assert found.suggestion is not None
    assert 1e-4 < found.suggestion < 10, found
    assert f"{found.suggestion:.2g}" in str(found)
    assert "<svg" in found._repr_mimebundle_()["image/svg+xml"]
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
