"""What `advise()` takes besides a plain model: modules and trainers that know their recipe, frames, named batches.

The libraries themselves are not needed here: their objects are known by the names of their classes.
"""

import types

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

import nnlint  # noqa: E402
from nnlint.facts import Facts  # noqa: E402
from nnlint.worker.in_process import describe_object  # noqa: E402

X, Y = torch.randn(60, 6), torch.arange(60) % 3
DATA = TensorDataset(X, Y)

LightningModule = type("LightningModule", (nn.Module,), {"__module__": "lightning.pytorch.core.module"})


class Lit(LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(1))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, index):
        x, y = batch
        return {"loss": nn.functional.cross_entropy(self(x), y)}

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.02)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler}}


class Trainer:
    __module__ = "lightning.pytorch.trainer.trainer"
    max_epochs, gradient_clip_val, gradient_clip_algorithm = 7, 0.5, None
    train_dataloader = DataLoader(DATA, batch_size=10, shuffle=True)

    def __init__(self, module=None):
        self.lightning_module = module


def test_a_lightning_module_tells_loss_and_optimizer():
    facts = Facts.model_validate(describe_object(Lit(), data=DataLoader(DATA, batch_size=10, shuffle=True)))
    assert facts.recipe.loss.kind == "cross_entropy"
    assert [facts.model.graph[i].op for i in facts.recipe.loss.reads] == ["softmax"]
    (optimizer,) = facts.recipe.optimizers
    assert (optimizer.kind, optimizer.lr, optimizer.parameters[0]) == ("Adam", 0.02, "net.0.weight")
    assert (facts.recipe.scheduler, facts.recipe.batch_size, facts.recipe.shuffles) == ("StepLR", 10, True)


def test_a_lightning_trainer_alone_is_enough():
    module = Lit()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    facts = Facts.model_validate(describe_object(Trainer(module)))
    assert (facts.recipe.epochs, facts.recipe.loop.clips, facts.recipe.batch_size) == (7, "norm", 10)
    report = nnlint.advise(Trainer(module))
    assert [f.rule for f in report.findings if f.level == "error"] == ["softmax-before-cross-entropy"]
    assert report.subjects[0].target == "Lit"
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())


@pytest.mark.parametrize(("rate", "reported"), [(0.5, True), (0.001, False)])
def test_the_rate_of_a_lightning_module_is_judged(rate, reported):
    class Quick(Lit):
        def __init__(self):
            super().__init__()
            self.net = self.net[:-1]

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=rate)

    report = nnlint.advise(Quick(), data=DataLoader(DATA, batch_size=10, shuffle=True))
    assert ("learning-rate-out-of-range" in [f.rule for f in report.findings]) is reported


def test_a_trainer_without_a_model_says_what_to_do():
    with pytest.raises(ValueError, match="hand over the LightningModule"):
        nnlint.advise(Trainer())


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, features, labels=None):
        logits = self.layers(features)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return types.SimpleNamespace(loss=loss, logits=logits)


class Named(torch.utils.data.Dataset):
    def __len__(self):
        return 60

    def __getitem__(self, i):
        return {"features": X[i], "labels": Y[i]}


def hugging_face(rate=5e-5):
    args = types.SimpleNamespace(
        per_device_train_batch_size=8, max_grad_norm=1.0, num_train_epochs=3.0, max_steps=-1, optim="adamw_torch",
        learning_rate=rate, weight_decay=0.01, lr_scheduler_type="linear",
    )  # fmt: skip
    kind = type("Trainer", (), {"__module__": "transformers.trainer"})
    trainer = kind()
    trainer.args, trainer.model, trainer.train_dataset, trainer.data_collator = args, Classifier(), Named(), None
    trainer.optimizer = trainer.lr_scheduler = None
    trainer.data_collator = torch.utils.data.default_collate
    return trainer


@pytest.mark.parametrize(("rate", "reported"), [(1.0, True), (5e-5, False)])
def test_the_rate_of_a_hugging_face_trainer_is_judged(rate, reported):
    report = nnlint.advise(hugging_face(rate))
    assert ("learning-rate-out-of-range" in [f.rule for f in report.findings]) is reported


def test_a_hugging_face_trainer_alone_is_enough():
    facts = Facts.model_validate(describe_object(hugging_face()))
    assert (facts.recipe.loss.kind, facts.recipe.scheduler) == ("cross_entropy", "linear")
    assert (facts.recipe.batch_size, facts.recipe.epochs, facts.recipe.loop.clips) == (8, 3, "norm")
    (optimizer,) = facts.recipe.optimizers
    assert (optimizer.kind, optimizer.lr, len(optimizer.parameters)) == ("AdamW", 5e-5, 4)


def test_a_named_batch_is_handed_over_by_name():
    facts = Facts.model_validate(describe_object(Classifier(), data=DataLoader(Named(), batch_size=10)))
    assert facts.subject.input == ("features=10x6:float32",)
    assert facts.data.target.classes == ((0, 20), (1, 20), (2, 20))


class Frame:
    """A table as pandas and polars make them, as far as it is asked."""

    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        return self.values.numpy()


def test_frames_are_read_as_tables():
    pytest.importorskip("numpy")
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    given = (Frame(X.double()), Frame(Y))
    facts = Facts.model_validate(describe_object(model, data=given, loss=nn.CrossEntropyLoss()))
    assert facts.subject.input == ("60x6:float32",)
    assert facts.data.samples == 60


@pytest.mark.parametrize(
    ("goal", "hidden", "titles"),
    [
        (None, nn.ReLU, ["try GELU, for accuracy", "try ELU, for accuracy in a net that does not normalize itself"]),
        ("latency", nn.ReLU, None),
        ("latency", nn.GELU, ["try leaky ReLU, for speed and against dead units"]),
        (None, nn.GELU, None),
        ("massive-data", nn.ReLU, ["try PReLU, for massive data"]),
    ],
)
def test_the_goal_decides_what_experiments_propose(goal, hidden, titles):
    model = nn.Sequential(nn.Linear(6, 8), hidden(), nn.Linear(8, 3))
    report = nnlint.advise(model, inputs=X[:4], goal=goal)
    proposed = [one for one in report.experiments if one.rule == "activation-off-goal"]
    assert [fix.title for one in proposed for fix in one.fixes] == (titles or [])
