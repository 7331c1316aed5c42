"""Programs in the documented style of training frameworks, and the recipes that their defaults make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnlint.facts import Recipe, Unknown
from nnlint.source import frameworks, outline

UNKNOWN = "unknown"
TORCH = """\
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
train_loader = DataLoader(TensorDataset(torch.randn(100, 3), torch.zeros(100)), batch_size=32, shuffle=True)
"""
NET = "model = nn.Linear(3, 2)\noptimizer = torch.optim.Adam(model.parameters(), lr=0.005)\n"


def recipe(text: str) -> Recipe:
    return outline(Path("train.py"), text).recipe


def fact(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name)
    except Unknown:
        return UNKNOWN


def test_adapters_are_found_by_walking_their_folder() -> None:
    folder = Path(frameworks.__path__[0])
    assert set(frameworks.adapters()) == {p.stem for p in folder.glob("*.py")} - {"__init__"}


def test_hugging_face_arguments_and_defaults() -> None:
    text = """
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments, EarlyStoppingCallback
model = AutoModelForSequenceClassification.from_pretrained("small", num_labels=5)
args = TrainingArguments(output_dir="out", learning_rate=2e-5, num_train_epochs=4, weight_decay=0.01)
stop = EarlyStoppingCallback(early_stopping_patience=3)
trainer = Trainer(model=model, args=args, train_dataset=train, callbacks=[stop])
trainer.train()
"""
    found = recipe(text)
    (optimizer,) = found.optimizers
    assert (optimizer.kind, optimizer.lr, optimizer.weight_decay, optimizer.given) == (
        "AdamW", 2e-5, 0.01, ("lr", "weight_decay"),
    )  # fmt: skip
    assert (found.batch_size, found.epochs, found.shuffles, found.scheduler) == (8, 4, True, "LambdaLR")
    assert (found.loop.clips, found.loop.clears_gradients, found.loop.accumulates) == ("norm", True, 1)
    assert found.schedulers[0].stepped == "batch"
    assert found.early_stopping is not None
    assert found.early_stopping.patience == 3
    assert fact(found, "losses") == UNKNOWN


def test_a_hugging_face_trainer_with_a_loss_of_its_own() -> None:
    text = """
from torch import nn
from transformers import Trainer, TrainingArguments
class Weighted(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = nn.functional.cross_entropy(outputs.logits, labels)
        return (loss, outputs) if return_outputs else loss
trainer = Weighted(model=model, args=TrainingArguments("out", max_steps=100, optim="sgd", max_grad_norm=0))
trainer.train()
"""
    found = recipe(text)
    assert (found.loss.kind, found.optimizers[0].kind, found.optimizers[0].lr) == ("cross_entropy", "SGD", 5e-5)
    assert (found.updates, fact(found, "epochs"), found.loop.clips) == (100, UNKNOWN, None)


SKORCH = {
    "NeuralNetClassifier(Net)": ("nll", "SGD", 0.01, 0.0, 128, False, 10, None),
    "NeuralNetRegressor(Net, lr=0.1, batch_size=16)": ("mse", "SGD", 0.1, 0.0, 16, False, 10, None),
    "NeuralNetBinaryClassifier(Net, max_epochs=3)": ("bce_with_logits", "SGD", 0.01, 0.0, 128, False, 3, None),
    "NeuralNet(Net, criterion=nn.L1Loss, optimizer__momentum=0.9)": ("l1", "SGD", 0.01, 0.9, 128, False, 10, None),
    "NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.AdamW, iterator_train__shuffle=True,"
    " callbacks=[GradientNormClipping(1.0)])": ("cross_entropy", "AdamW", 0.01, UNKNOWN, 128, True, 10, "norm"),
    "NeuralNetClassifier(Net, **given)": ("nll", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}


@pytest.mark.parametrize("built", SKORCH)
def test_skorch_arguments_and_defaults(built: str) -> None:
    text = f"""{TORCH}
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import GradientNormClipping
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(20, 2)
    def forward(self, x):
        return self.fc(x)
net = {built}
net.fit(X, y)
"""
    found = recipe(text)
    optimizers, losses = fact(found, "optimizers"), fact(found, "losses")
    first: Any = optimizers[0] if optimizers != UNKNOWN else None
    told = (
        fact(losses[0], "kind") if losses != UNKNOWN else UNKNOWN,
        first.kind if first else UNKNOWN, fact(first, "lr") if first else UNKNOWN,
        fact(first, "momentum") if first else UNKNOWN,
        fact(found, "batch_size"), fact(found, "shuffles"), fact(found, "epochs"), fact(found.loop, "clips"),
    )  # fmt: skip
    expected = SKORCH[built]
    assert told == expected if "**" not in built else told[2:] == expected[2:]


def test_an_ignite_trainer() -> None:
    text = f"""{TORCH}{NET}
from ignite.engine import create_supervised_trainer
trainer = create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())
trainer.run(train_loader, max_epochs=5)
"""
    found = recipe(text)
    assert (found.loss.kind, found.optimizers[0].lr, found.epochs, found.updates) == ("cross_entropy", 0.005, 5, 20)
    assert (found.batch_size, found.loop.clears_gradients, found.loop.clips) == (32, True, None)


@pytest.mark.parametrize("clears", [True, False])
def test_an_ignite_engine_with_an_update_function(clears: bool) -> None:
    text = f"""{TORCH}{NET}
from ignite.engine import Engine
def train_step(engine, batch):
    {"optimizer.zero_grad()" if clears else "pass"}
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()
trainer = Engine(train_step)
trainer.run(train_loader)
"""
    found = recipe(text)
    assert (found.loss.kind, found.epochs, found.updates) == ("cross_entropy", 1, 4)
    assert (found.loop.clears_gradients, found.loop.optimizer_built) == (clears, None)


def test_accelerate_accumulates_and_divides_by_itself() -> None:
    text = f"""{TORCH}{NET}
from accelerate import Accelerator
accelerator = Accelerator(gradient_accumulation_steps=3)
model, optimizer, train_loader = accelerator.prepare(model, optimizer, train_loader)
for epoch in range(3):
    for inputs, targets in train_loader:
        with accelerator.accumulate(model):
            loss = F.cross_entropy(model(inputs), targets)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
"""
    found = recipe(text)
    assert (found.loop.accumulates, found.loop.divides, found.updates, found.loop.clips) == (3, True, 6, "norm")
    assert (found.loss.kind, found.batch_size, found.epochs) == ("cross_entropy", 32, 3)


LIGHTNING = {
    "return opt": ((), None),
    "return [opt], [torch.optim.lr_scheduler.StepLR(opt, 5)]": (("StepLR", "epoch"), "StepLR"),
    "return {'optimizer': opt, 'lr_scheduler': {'scheduler': torch.optim.lr_scheduler.OneCycleLR(opt, 1.0, 10),"
    " 'interval': 'step'}}": (("OneCycleLR", "batch"), "OneCycleLR"),
}


@pytest.mark.parametrize("returned", LIGHTNING)
def test_lightning_schedules_and_trainer(returned: str) -> None:
    text = f"""{TORCH}
import lightning as L
class Lit(L.LightningModule):
    def __init__(self, lr=1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(3, 2)
    def training_step(self, batch, index):
        x, y = batch
        return F.cross_entropy(self.net(x), y)
    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        {returned}
trainer = L.Trainer(max_epochs=5, gradient_clip_val=0.5, accumulate_grad_batches=3)
trainer.fit(Lit(), train_loader)
"""
    found = recipe(text)
    schedules, name = LIGHTNING[returned]
    assert tuple(v for s in found.schedulers for v in (s.kind, s.stepped)) == schedules
    assert found.scheduler == name
    assert (found.loss.kind, found.optimizers[0].lr, found.batch_size, found.epochs) == ("cross_entropy", 1e-3, 32, 5)
    assert (found.loop.clips, found.loop.accumulates, found.updates) == ("norm", 3, 10)
