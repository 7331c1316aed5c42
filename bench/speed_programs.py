"""The programs whose speed `speed.py` compares: the same trial in nnlint, in a plain loop, in skorch, in Lightning."""

from __future__ import annotations

from nnlint.trainer.reference import REFERENCES

_MODEL = """\
model = nn.Sequential(nn.Linear(18, 64), nn.ReLU(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 7){ending})"""

_DATA = (
    "import torch\nfrom torch import nn\n\n"
    + REFERENCES["segment"].source.replace(" -> tuple[Any, Any]", "")
    + "\ntorch.set_num_threads(1)\ninputs, targets = (torch.as_tensor(part) for part in segment())\n"
    + "spread = inputs.std(0)\ninputs = (inputs - inputs.mean(0)) / (spread + (spread == 0))\n"
)

_LOOP = """
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
for epoch in range({epochs}):
    model.train()
    for rows in torch.randperm(len(inputs)).split(32):
        optimizer.zero_grad()
        loss = loss_fn(model(inputs[rows]), targets[rows])
        loss.backward()
        optimizer.step()
model.eval()
"""


def _script(ending: str = "") -> str:
    return _DATA.replace("{", "{{").replace("}", "}}") + _MODEL.replace("{ending}", ending) + _LOOP


TRAIN = _script()
"""A sound script, to be formatted with `epochs`: 8,135 parameters."""
FAULTY = _script(", nn.Softmax(dim=1)")
"""The same with a softmax before the loss."""

_PEER = (
    "import json, sys, tempfile, time, warnings\nwarnings.simplefilter('ignore')\n"
    + _DATA
    + """
def split(seed):
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    parts = order.tensor_split([round(0.6 * len(order)), round(0.8 * len(order))])
    return [(inputs[rows], targets[rows]) for rows in parts]

def build():
    """
    + _MODEL.format(ending="")
    + """
    return model

def all_of(trial):
    trials, epochs = int(sys.argv[1]), int(sys.argv[2])
    trial(99, 1)
    started = time.perf_counter()
    scores = [trial(seed, epochs) for seed in range(trials)]
    print(json.dumps([time.perf_counter() - started, sum(scores) / len(scores)]))
"""
)

PLAIN = (
    _PEER
    + """
def accuracy(model, x, y):
    with torch.no_grad():
        return float((model(x).argmax(1) == y).float().mean())

def trial(seed, epochs):
    torch.manual_seed(seed)
    (x, y), choose, report = split(seed)
    model, loss_fn, best, kept = build(), nn.CrossEntropyLoss(), -1.0, None
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    for epoch in range(epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = loss_fn(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
        model.eval()
        score = accuracy(model, *choose)
        if score > best:
            best, kept = score, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return accuracy(model, *report)

all_of(trial)
"""
)

SKORCH = (
    _PEER
    + """
from skorch import NeuralNetClassifier
from skorch.callbacks import Checkpoint
from skorch.dataset import Dataset
from skorch.helper import predefined_split

def trial(seed, epochs):
    torch.manual_seed(seed)
    (x, y), choose, (test, wanted) = split(seed)
    with tempfile.TemporaryDirectory() as place:
        kept = Checkpoint(monitor="valid_acc_best", dirname=place, load_best=True, f_optimizer=None, f_history=None,
                          f_criterion=None)
        net = NeuralNetClassifier(build(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.002,
                                  max_epochs=epochs, batch_size=32, iterator_train__shuffle=True, verbose=0,
                                  iterator_valid__batch_size=512, classes=list(range(7)), callbacks=[kept],
                                  train_split=predefined_split(Dataset(*choose)))
        net.fit(x, y)
        return float((torch.as_tensor(net.predict(test)) == wanted).float().mean())

all_of(trial)
"""
)

LIGHTNING = (
    _PEER
    + """
import logging
import lightning
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model, self.loss_fn, self.reached = build(), nn.CrossEntropyLoss(), 0.0

    def training_step(self, batch, index):
        return self.loss_fn(self.model(batch[0]), batch[1])

    def validation_step(self, batch, index):
        self.log("accuracy", (self.model(batch[0]).argmax(1) == batch[1]).float().mean())

    def test_step(self, batch, index):
        self.log("tested", (self.model(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.002)

def trial(seed, epochs):
    torch.manual_seed(seed)
    fit, choose, report = (TensorDataset(*part) for part in split(seed))
    with tempfile.TemporaryDirectory() as place:
        kept = ModelCheckpoint(place, monitor="accuracy", mode="max", save_weights_only=True)
        trainer = lightning.Trainer(max_epochs=epochs, accelerator="cpu", devices=1, logger=False, callbacks=[kept],
                                    enable_progress_bar=False, enable_model_summary=False, default_root_dir=place,
                                    num_sanity_val_steps=0)
        module = Module()
        trainer.fit(module, DataLoader(fit, 32, shuffle=True), DataLoader(choose, 512))
        module.load_state_dict(torch.load(kept.best_model_path)["state_dict"])
        return trainer.test(module, DataLoader(report, 512), verbose=False)[0]["tested"]

all_of(trial)
"""
)

STEP_MODELS = {
    "dense, 8,135 parameters, 32 rows": (
        "torch.randn(1920, 18), torch.randint(0, 7, (1920,))",
        "nn.Sequential(nn.Linear(18, 64), nn.ReLU(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 7))",
    ),
    "convolutions, 32 rows of 1x28x28": (
        "torch.randn(960, 1, 28, 28), torch.randint(0, 10, (960,))",
        "nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(), "
        "nn.Linear(1568, 10))",
    ),
    "attention, 32 rows of 16x64": (
        "torch.randn(960, 16, 64), torch.randint(0, 10, (960,))",
        "nn.Sequential(nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), nn.Flatten(), nn.Linear(1024, 10))",
    ),
}
"""Rows and model, as text, of the programs whose steps are timed."""


def step_script(name: str) -> str:
    """Return a script that trains one of `STEP_MODELS` for an epoch."""
    rows, model = STEP_MODELS[name]
    head = f"import torch\nfrom torch import nn\n\ntorch.manual_seed(0)\ninputs, targets = {rows}\nmodel = {model}\n"
    return head + _LOOP.format(epochs=1)
