"""What programs that everybody begins with tell of their recipe, from the source alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnlint.engine import check
from nnlint.facts import Recipe, Unknown
from nnlint.inspection import Options, inspect_file
from nnlint.registry import load
from nnlint.source.discover import outline
from nnlint.source.text import read_text

PROGRAMS = Path(__file__).resolve().parent / "programs"


def told(recipe: Recipe) -> dict[str, Any]:
    def of(name: str) -> Any:
        try:
            return getattr(recipe, name)
        except Unknown:
            return "unknown"

    losses, optimizers = of("losses"), of("optimizers")
    return {
        "losses": sorted(one.kind for one in losses) if losses != "unknown" else losses,
        "optimizers": [(one.kind, one.lr) for one in optimizers] if optimizers != "unknown" else optimizers,
        "epochs": of("epochs"),
        "batch": of("batch_size"),
    }


@pytest.mark.parametrize(
    ("program", "losses", "optimizers", "epochs", "batch"),
    [
        ("mnist", ["nll"], [("Adadelta", 1.0)], 14, 64),
        ("word_language_model", ["nll"], "unknown", 40, "unknown"),
        ("super_resolution", ["mse"], [("Adam", 0.001)], 30, 4),
        ("time_sequence", ["mse"], [("LBFGS", 0.8)], 15, "unknown"),
        ("reinforce", ["custom"], [("Adam", 0.01)], "unknown", "unknown"),
        ("regression", ["smooth_l1"], "unknown", "unknown", "unknown"),
    ],
)
def test_programs_are_read(program, losses, optimizers, epochs, batch):
    path = PROGRAMS / f"{program}.py"
    found = told(outline(path, read_text(path)).recipe)
    assert found == {"losses": losses, "optimizers": optimizers, "epochs": epochs, "batch": batch}


LIGHTNING = """
import lightning as L
import torch
from torch import nn, utils
encoder = nn.Sequential(nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 3))
decoder = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 28 * 28))

class LitAutoEncoder(L.LightningModule):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def training_step(self, batch, batch_idx):
        x, _ = batch
        x = x.view(x.size(0), -1)
        z = self.encoder(x)
        x_hat = self.decoder(z)
        loss = nn.functional.mse_loss(x_hat, x)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)

dataset = utils.data.TensorDataset(torch.rand(256, 1, 28, 28), torch.zeros(256))
train_loader = utils.data.DataLoader(dataset, batch_size=16, shuffle=True)
autoencoder = LitAutoEncoder(encoder, decoder)
trainer = L.Trainer(limit_train_batches=100, max_epochs=1)
trainer.fit(model=autoencoder, train_dataloaders=train_loader)
"""
HUGGING_FACE = """
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments,
)
model = AutoModelForSequenceClassification.from_pretrained("distilbert/distilbert-base-uncased")
tokenizer = AutoTokenizer.from_pretrained("distilbert/distilbert-base-uncased")
dataset = Dataset.from_dict({"text": ["good", "bad"], "label": [1, 0]})
dataset = dataset.map(lambda rows: tokenizer(rows["text"]), batched=True)
training_args = TrainingArguments(
    output_dir="out", learning_rate=2e-5, per_device_train_batch_size=8, per_device_eval_batch_size=8,
    num_train_epochs=2,
)
trainer = Trainer(
    model=model, args=training_args, train_dataset=dataset, eval_dataset=dataset,
    data_collator=DataCollatorWithPadding(tokenizer=tokenizer),
)
trainer.train()
"""


@pytest.mark.parametrize(
    ("text", "losses", "optimizers", "epochs", "batch"),
    [
        pytest.param(LIGHTNING, ["mse"], [("Adam", 1e-3)], 1, 16, id="lightning"),
        pytest.param(HUGGING_FACE, "unknown", [("AdamW", 2e-5)], 2, 8, id="hugging-face"),
    ],
)
def test_quick_starts_are_read_and_nothing_is_wrong_with_them(text, losses, optimizers, epochs, batch, tmp_path):
    path = tmp_path / "quick_start.py"
    path.write_text(text)
    found = outline(path, text)
    assert told(found.recipe) == {"losses": losses, "optimizers": optimizers, "epochs": epochs, "batch": batch}
    report = inspect_file(found, Options(static=True))
    loud = [f for facts in report.facts for f in check(facts, load()).findings if f.level in ("warning", "error")]
    assert report.facts
    assert not loud, [(f.rule, f.says) for f in loud]
