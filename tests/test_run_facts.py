"""What an observed run tells of the loop and the data beyond loss and optimizer. All run in this process."""

import textwrap

import pytest

torch = pytest.importorskip("torch")

from nnlint.facts import Facts, Unknown  # noqa: E402
from nnlint.worker.job import run  # noqa: E402

HEAD = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
torch.manual_seed(0)
X, Y = torch.randn(40, 6), torch.arange(40) % 3
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
criterion = nn.CrossEntropyLoss()
"""


def only(tmp_path, body, **job):
    path = tmp_path / "train.py"
    path.write_text(HEAD + textwrap.dedent(body))
    answer = run({"path": str(path), "root": str(tmp_path), "timeout": 60, **job})
    assert len(answer["subjects"]) == 1, answer["problems"]
    return Facts.model_validate(answer["subjects"][0])


LOADED = """
loader = DataLoader(TensorDataset(X, Y), batch_size=8, shuffle=True, drop_last=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""


def test_order_of_calls_of_a_turn(tmp_path):
    body = LOADED + textwrap.dedent("""
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=50)
    for epoch in range(10):
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
    """)
    recipe = only(tmp_path, body).recipe
    kinds = ["zero_grad", "forward", "loss", "backward", "clip_norm", "step", "scheduler_step"]
    assert [call.kind for call in recipe.loop.calls] == kinds
    assert not any(call.conditional for call in recipe.loop.calls)
    assert [call.on for call in recipe.loop.calls][:4] == ["optimizer", "model", "criterion", "loss"]
    assert recipe.loop.optimizer_built is None
    assert recipe.loop.accumulates == 1
    (scheduler,) = recipe.schedulers
    assert (scheduler.kind, scheduler.stepped, scheduler.before_optimizer) == ("OneCycleLR", "batch", False)
    assert scheduler.arguments == {"total_steps": 50}
    assert scheduler.given == ("max_lr", "total_steps")
    (seen,) = recipe.loaders
    assert (seen.role, seen.batch_size, seen.shuffle, seen.drop_last, seen.samples) == ("train", 8, True, True, 40)


def test_steps_of_an_epoch_leave_open_when_a_scheduler_is_stepped(tmp_path):
    body = LOADED + textwrap.dedent("""
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    for epoch in range(10):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        scheduler.step()
    """)
    (scheduler,) = only(tmp_path, body).recipe.schedulers
    with pytest.raises(Unknown):
        scheduler.stepped  # noqa: B018


def test_one_step_that_sees_all_data_is_an_epoch(tmp_path):
    body = """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    for epoch in range(10):
        scheduler.step()
        optimizer.zero_grad()
        criterion(model(X), Y).backward()
        optimizer.step()
    """
    (scheduler,) = only(tmp_path, body).recipe.schedulers
    assert (scheduler.stepped, scheduler.before_optimizer) == ("epoch", True)


def test_accumulation_shows_calls_that_some_turns_leave_out(tmp_path):
    body = LOADED + textwrap.dedent("""
    for epoch in range(10):
        for n, (x, y) in enumerate(loader):
            loss = criterion(model(x), y) / 2
            loss.backward()
            if n % 2:
                optimizer.step()
                optimizer.zero_grad()
    """)
    loop = only(tmp_path, body.replace("batch_size=8", "batch_size=10"), steps=4).recipe.loop
    assert [(call.kind, call.conditional) for call in loop.calls] == [
        ("forward", False), ("loss", False), ("backward", False), ("step", True), ("zero_grad", True),
    ]  # fmt: skip
    assert loop.accumulates == 2


def test_optimizer_built_in_each_turn(tmp_path):
    body = """
    for epoch in range(10):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        optimizer.zero_grad()
        criterion(model(X), Y).backward()
        optimizer.step()
    """
    loop = only(tmp_path, body).recipe.loop
    assert loop.optimizer_built.line == HEAD.count("\n") + 3


def test_gradients_at_each_step(tmp_path):
    body = """
    model.unused = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e3)
    for epoch in range(10):
        optimizer.zero_grad()
        criterion(model[2](model[1](model[0](X))), Y).backward()
        expected = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm().item()
        print(expected)
        optimizer.step()
    """
    loop = only(tmp_path, body).recipe.loop
    first, *rest = loop.steps
    assert first.gradient > 0
    assert first.finite
    assert first.loss > 0
    assert rest[0].loss > 10 * first.loss
    assert loop.without_gradient == ("unused.weight", "unused.bias")


def test_groups_and_loaded_weights(tmp_path):
    body = """
    saved = {k: v for k, v in model.state_dict().items() if not k.startswith("2")}
    saved["old.weight"] = torch.zeros(2)
    model.load_state_dict(saved, strict=False)
    groups = [{"params": model[0].parameters(), "lr": 1e-4}, {"params": model[2].parameters(), "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    for epoch in range(10):
        optimizer.zero_grad()
        criterion(model(X), Y).backward()
        optimizer.step()
    """
    recipe = only(tmp_path, body).recipe
    (optimizer,) = recipe.optimizers
    assert [(g.lr, g.weight_decay, g.parameters) for g in optimizer.groups] == [
        (1e-4, 0.01, ("0.weight", "0.bias")), (1e-3, 0.0, ("2.weight", "2.bias")),
    ]  # fmt: skip
    (loaded,) = recipe.loaded
    assert (loaded.into, loaded.strict) == ("model", False)
    assert (loaded.missing_keys, loaded.unexpected_keys) == (("2.weight", "2.bias"), ("old.weight",))


STEP = """
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for epoch in range(10):
    optimizer.zero_grad()
    criterion(model(X_train), Y[:30]).backward()
    optimizer.step()
"""


def test_columns_say_what_is_missing_constant_or_far_away(tmp_path):
    body = "X[:, 2] = 3.0\nX[5, 1] = 1e4\nX[7, 0] = float('nan')\nX_train, X_test = X[:30], X[30:]\n" + STEP
    data = only(tmp_path, body).data
    (features,) = data.features
    assert features.missing_share == pytest.approx(1 / 180)
    assert features.high == 1e4
    nan, far, constant, *plain = features.columns
    assert nan.missing == pytest.approx(1 / 30)
    assert nan.mean == nan.mean
    assert far.outliers == pytest.approx(1 / 30)
    assert constant.constant
    assert constant.outliers is None
    assert all(column.outliers == 0 and column.missing == 0 for column in plain)
    assert data.target.classes == ((0, 14), (1, 13), (2, 13))
    assert data.validation_samples == 10
    assert data.overlap.share == 0


@pytest.mark.parametrize(
    ("held", "share"),
    [
        ("X_train, X_val = X[:30], X[20:]", 0.5),
        ("X_train = X[:30]\nval_loader = DataLoader(TensorDataset(X[25:], Y[25:]), batch_size=4)", None),
        ("X_train = X[:30]\ntrain_test_data = X", None),
        ("X_train = X[:30]\ndevice, interval = X, X", None),
    ],
)
def test_rows_that_are_held_back_and_trained_on(tmp_path, held, share):
    data = only(tmp_path, held + "\n" + STEP).data
    if share is None:
        with pytest.raises(Unknown):
            data.overlap  # noqa: B018
    else:
        assert data.overlap.share == share
        assert data.overlap.training == 30


def test_rows_of_loaders_are_compared(tmp_path):
    body = """
    both = TensorDataset(X, Y)
    train, held = random_split(both, [30, 10])
    loader, test_loader = DataLoader(train, batch_size=10), DataLoader(held, batch_size=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for x, y in loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    """
    data = only(tmp_path, body).data
    assert (data.samples, data.validation_samples, data.overlap.share) == (30, 10, 0.0)
    shared = only(tmp_path, body.replace("DataLoader(held", "DataLoader(both")).data
    assert shared.overlap.share == 0.75


def test_padding_is_seen_in_ids(tmp_path):
    body = """
    ids = torch.randint(1, 50, (30, 12))
    for i in range(30):
        ids[i, 4 + i % 8:] = 0
    model = nn.Sequential(nn.Embedding(50, 4), nn.Flatten(), nn.Linear(48, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for epoch in range(10):
        optimizer.zero_grad()
        criterion(model(ids), Y[:30]).backward()
        optimizer.step()
    """
    (features,) = only(tmp_path, body).data.features
    assert (features.padding.value, features.padding.side, features.padding.rows) == (0, "right", 1.0)
    assert features.low == 0
    assert features.high < 50
    unpadded = only(tmp_path, body.replace("4 + i % 8:", "12:")).data.features[0]
    assert unpadded.padding is None
