"""Rules about data, targets and what becomes of them: other spellings of each defect, and programs that look like it.

Each program runs in this process. `# <-` marks the line of the finding that a faulty program must have.
"""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from nnlint.engine import check  # noqa: E402
from nnlint.facts import Facts  # noqa: E402
from nnlint.finding import Finding  # noqa: E402
from nnlint.inspection.merge import merged  # noqa: E402
from nnlint.registry import load  # noqa: E402
from nnlint.source.discover import outline  # noqa: E402
from nnlint.worker.job import run  # noqa: E402

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
"""
LOOP = """
for epoch in range(50):
    for start in range(0, len(x), 16):
        optimizer.zero_grad()
        rows = torch.randperm(len(x))[:16]
        {step}
        loss.backward()
        optimizer.step()
"""


@functools.cache
def rules():
    return {rule.name: rule for rule in load()}


def found(tmp_path: Path, body: str, name: str) -> tuple[list[Finding], str]:
    """Return what a rule says of a program, and the program's text."""
    path = tmp_path / "train.py"
    path.write_text(HEAD + textwrap.dedent(body))
    text = path.read_text()
    read = outline(path, text)
    job = {"path": str(path), "root": str(tmp_path), "timeout": 60, "epochs": None}
    job["candidates"] = [
        {"expression": c.expression, "how": c.how, "input": list(c.input), "span": None} for c in read.candidates
    ]
    answer = run(job)
    facts = merged(read, [Facts.model_validate(subject) for subject in answer["subjects"]])
    assert facts, answer["problems"]
    said = [f for one in facts for f in check(one, [rules()[name]]).findings]
    return list({(f.says, f.span): f for f in said}.values()), text  # two models of one loss say the same


def net(last: int = 1, step: str = "loss = F.mse_loss(model(x[rows]), y[rows])", data: str = "") -> str:
    return (
        "x = torch.randn(64, 6)\n"
        + textwrap.dedent(data)
        + f"\nmodel = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, {last}))\n"
        + "optimizer = torch.optim.Adam(model.parameters(), lr=0.001)\n"
        + LOOP.format(step=step)
    )


FAULTY = {
    "loss-broadcast": {
        "function": net(step="loss = F.mse_loss(model(x[rows]), y[rows])  # <-", data="y = x[:, 0]"),
        "targets first": net(step="loss = F.smooth_l1_loss(y[rows], model(x[rows]))  # <-", data="y = x[:, 0]"),
        "column of targets": net(
            step="loss = nn.L1Loss()(model(x[rows]).squeeze(1), y[rows])  # <-", data="y = x[:, :1]"
        ),
        "by hand": net(step="loss = ((model(x[rows]) - y[rows]) ** 2).mean()  # <-", data="y = x[:, 0]"),
    },
}
FAULTY["targets-wrong-form"] = {
    "several labels in a row": net(
        5, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = (torch.rand(64, 5) > 0.4).float()"
    ),
    "classes counted from one": net(
        3, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = torch.randint(3, (64,)) + 1"
    ),
    "column of labels": net(
        3, "loss = nn.CrossEntropyLoss()(model(x[rows]), y[rows])  # <-", "y = torch.randint(3, (64, 1))"
    ),
    "floating point labels": net(
        3, "loss = F.nll_loss(model(x[rows]).log_softmax(1), y[rows])  # <-", "y = torch.randint(3, (64,)).float()"
    ),
    "one-hot of whole numbers": net(
        3, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = F.one_hot(torch.randint(3, (64,)), 3)"
    ),
    "plus and minus one": net(
        step="loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])  # <-", data="y = x[:, :1].sign()"
    ),
    "flat targets": net(
        step="loss = nn.BCEWithLogitsLoss()(model(x[rows]), y[rows])  # <-", data="y = (x[:, 0] > 0).float()"
    ),
    "whole numbers": net(
        step="loss = F.binary_cross_entropy(model(x[rows]).sigmoid(), y[rows])  # <-", data="y = (x[:, :1] > 0).long()"
    ),
    "raw pixels": net(
        6, "loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])  # <-",
        "y = torch.randint(256, (64, 6)).float()",
    ),
}  # fmt: skip
FAULTY["broken-data"] = {
    "features": net(step="loss = F.mse_loss(model(x[rows]), y[rows])", data="y = x[:, :1].clone()\nx[3, 2] = torch.nan")
    .replace("model = nn.Sequential(nn.Linear(6, 8)", "model = nn.Sequential(\n    nn.Linear(6, 8)")
    .replace("    nn.Linear(6, 8), nn.ReLU()", "    nn.Linear(6, 8),  # <-\n    nn.ReLU()"),
    "targets": net(
        step="loss = F.mse_loss(model(x[rows]), y[rows])  # <-", data="y = x[:, :1].clone()\ny[5] = torch.inf"
    ),
}
FAULTY["input-width-mismatch"] = {
    "first layer": net()
    .replace("nn.Linear(6, 8), nn.ReLU(),", "nn.Linear(7, 8),  # <-\n    nn.ReLU(),")
    .replace("nn.Sequential(nn.Linear(7", "nn.Sequential(\n    nn.Linear(7")
    .replace("y[rows]", "x[rows, :1]"),
    "after the flattening": """
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.Flatten(),
            nn.Linear(4 * 7 * 7, 3),  # <-
        )
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(3):
            loss = F.cross_entropy(model(torch.randn(8, 1, 8, 8)), torch.randint(3, (8,)))
            loss.backward()
            optimizer.step()
        """,
    "channels stand last": """
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3),  # <-
            nn.Flatten(),
            nn.Linear(4 * 6 * 6, 3),
        )
        optimizer = torch.optim.Adam(model.parameters())
        loss = F.cross_entropy(model(torch.randn(8, 8, 8, 3)), torch.randint(3, (8,)))
        loss.backward()
        optimizer.step()
        """,
    "recurrent": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.rnn = nn.GRU(input_size=5, hidden_size=8, batch_first=True)  # <-
                self.head = nn.Linear(8, 1)
            def forward(self, x):
                return self.head(self.rnn(x)[0][:, -1])
        model = Net()
        optimizer = torch.optim.Adam(model.parameters())
        loss = F.mse_loss(model(torch.randn(8, 7, 4)), torch.randn(8, 1))
        loss.backward()
        optimizer.step()
        """,
}
IDS = """
ids = torch.randint({low}, {high}, (64, 5))
y = torch.randn(64, 1)
model = nn.Sequential(
    nn.Embedding(10, 4),{mark}
    nn.Flatten(),
    nn.Linear(20, 1),
)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(9):
    rows = torch.randperm(64)[:8]
    optimizer.zero_grad()
    loss = F.mse_loss(model({read}), y[rows])
    loss.backward()
    optimizer.step()
"""
FAULTY["id-out-of-range"] = {
    "too large": IDS.format(low=0, high=14, mark="  # <-", read="ids[rows]"),
    "negative": IDS.format(low=-3, high=5, mark="  # <-", read="ids[rows]"),
    "far too large": IDS.format(low=50, high=99, mark="  # <-", read="ids[rows]"),
}
FAULTY["kl-div-on-probabilities"] = {
    "logits": net(3, "loss = F.kl_div(model(x[rows]), y[rows], reduction='batchmean')", "y = x[:, :3].softmax(1)")
    .replace("nn.Linear(8, 3))", "nn.Linear(8, 3),  # <-\n)")
    .replace("nn.ReLU(), nn.Linear(8, 3)", "nn.ReLU(),\n    nn.Linear(8, 3)"),
    "softmax in the loop": net(
        3, "loss = nn.KLDivLoss()(model(x[rows]).softmax(1), y[rows])  # <-", "y = x[:, :3].softmax(1)"
    ),
}
FAULTY["classification-loss-on-values"] = {
    "rows of values": net(3, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = x[:, :3] * 4"),
    "numbers": net(3, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = x[:, 0] * 4"),
    "behind a sigmoid": net(
        step="loss = F.binary_cross_entropy(model(x[rows]).sigmoid(), y[rows])  # <-", data="y = x[:, :1] * 4"
    ),
}
FAULTY["batchnorm-batch-of-one"] = {
    "a batch of one": """
        model = nn.Sequential(
            nn.Linear(6, 8),
            nn.BatchNorm1d(8),  # <-
            nn.Linear(8, 1),
        )
        optimizer = torch.optim.Adam(model.parameters())
        loss = F.mse_loss(model(torch.randn(1, 6)), torch.randn(1, 1))
        loss.backward()
        optimizer.step()
        """,
}
VAE = """
x = torch.rand(64, 20)
encoder, decoder = nn.Linear(20, 6), nn.Linear(3, 20)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
for epoch in range(9):
    optimizer.zero_grad()
    mu, logvar = encoder(x).chunk(2, 1)
    out = decoder(mu + torch.randn_like(mu) * (logvar / 2).exp())
    {loss}
    loss.backward()
    optimizer.step()
"""
FAULTY["vae-loss-scales-mixed"] = {
    "in one line": VAE.format(
        loss="loss = nn.MSELoss()(out, x) + 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum()  # <-"
    ),
    "binary": VAE.format(
        loss="loss = F.binary_cross_entropy_with_logits(out, x) "
        "- 0.5 * torch.sum(1 + logvar - mu * mu - torch.exp(logvar))  # <-"
    ),
}
SORTED = """
y = torch.arange(4).repeat_interleave(30)
x = torch.randn(120, 6) + y[:, None]
{more}
model = nn.Linear(6, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(9):
    for a, b in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(a), b)
        loss.backward()
        optimizer.step()
"""
FAULTY["unshuffled-training-data"] = {
    "default": SORTED.format(more="loader = DataLoader(TensorDataset(x, y), 10)  # <-"),
    "said": SORTED.format(more="loader = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=False)  # <-"),
}

TEXT = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 8)
        {layer}
        self.head = nn.Linear(8, {width})
    def forward(self, ids):
        x = self.words(ids)
        {forward}
lengths = torch.randint(2, 8, (64, 1))
ids = torch.randint(1, 20, (64, 9))
ids[torch.arange(9) >= lengths] = 0
whole = torch.randint(1, 20, (64, 9))
model = Net()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(9):
    optimizer.zero_grad()
    {loss}
    loss.backward()
    optimizer.step()
"""
LABELS = "loss = F.cross_entropy(model(ids), ids[:, 0] % 2)"
NEXT = "loss = F.cross_entropy(model(whole[:, :-1]).flatten(0, 1), whole[:, 1:].flatten())"
ENCODER = "self.attend = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)"
LSTM = "self.rnn = nn.LSTM(8, 8, batch_first=True)"
FAULTY["future-token-leak"] = {
    "encoder without a mask": TEXT.format(
        layer=ENCODER + "  # <-", width=20, forward="return self.head(self.attend(x))", loss=NEXT
    ),
    "both directions": TEXT.format(
        layer="self.rnn = nn.GRU(8, 4, batch_first=True, bidirectional=True)", width=20,
        forward="return self.head(self.rnn(x)[0])  # <-", loss=NEXT,
    ),
}  # fmt: skip
FAULTY["inverted-padding-mask"] = {
    "scaled dot product": TEXT.format(
        layer="", width=2, loss=LABELS,
        forward="mask = (ids == 0)[:, None, :]\n"
        "        return self.head(F.scaled_dot_product_attention(x, x, x, attn_mask=mask).mean(1))  # <-",
    ),
}  # fmt: skip
FAULTY["last-step-is-padding"] = {
    "last hidden state": TEXT.format(
        layer=LSTM, width=2, forward="_, (h, _) = self.rnn(x)\n        return self.head(h[-1])  # <-", loss=LABELS
    ),
    "all features of the last step": TEXT.format(
        layer="self.rnn = nn.GRU(8, 8, batch_first=True)", width=2,
        forward="out, _ = self.rnn(x)\n        return self.head(out[:, -1, :])  # <-", loss=LABELS,
    ),
}  # fmt: skip
FAULTY["padding-counted-in-loss"] = {
    "flat": TEXT.format(
        layer=LSTM, width=20, forward="return self.head(self.rnn(x)[0])",
        loss="loss = F.cross_entropy(model(ids).view(-1, 20), ids.view(-1))  # <-",
    ),
    "another id is ignored": TEXT.format(
        layer=LSTM, width=20, forward="return self.head(self.rnn(x)[0])",
        loss="loss = F.cross_entropy(model(ids).transpose(1, 2), ids, ignore_index=19)  # <-",
    ),
}  # fmt: skip
STEPS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = {layer}
        self.head = nn.Linear(4, 2)
    def forward(self, x):
        {forward}
x = torch.randn(90, 7, 4)
y = (x[:, 0, 0] > 0).long()
model = Net()
optimizer = torch.optim.Adam(model.parameters())
for a, b in DataLoader(TensorDataset(x, y), 10, shuffle=True):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(a), b)
    loss.backward()
    optimizer.step()
"""
FAULTY["batch-axis-taken-as-time"] = {
    "gru": STEPS.format(layer="nn.GRU(4, 4)", forward="return self.head(self.layer(x)[0].mean(1))  # <-"),
    "attention": STEPS.format(
        layer="nn.MultiheadAttention(4, 2)", forward="return self.head(self.layer(x, x, x)[0][:, 0])  # <-"
    ),
}


SOUND = {
    "loss-broadcast": {
        "same shape": net(data="y = x[:, :1]"),
        "all pairs on purpose": net(step="loss = F.l1_loss(model(x[rows]), y[rows][None, :])", data="y = x[:, 0]"),
        "several quantiles": net(3, "d = model(x[rows]) - y[rows]\n        loss = d.abs().mean()", data="y = x[:, :1]"),
        "classes": net(3, "loss = F.cross_entropy(model(x[rows]), y[rows])", data="y = torch.randint(3, (64,))"),
    },
}

SOUND["targets-wrong-form"] = {
    "soft labels": net(5, "loss = F.cross_entropy(model(x[rows]), y[rows])", "y = torch.rand(64, 5).softmax(1)"),
    "one-hot": net(5, "loss = F.cross_entropy(model(x[rows]), y[rows])", "y = torch.eye(5)[torch.randint(5, (64,))]"),
    "ignored label": net(
        3, "loss = F.cross_entropy(model(x[rows]), y[rows], ignore_index=-1)", "y = torch.randint(4, (64,)) - 1"
    ),
    "one class less": net(4, "loss = F.cross_entropy(model(x[rows]), y[rows])", "y = torch.randint(3, (64,)) + 1"),
    "several labels": net(
        5, "loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])", "y = (torch.rand(64, 5) > 0.4).float()"
    ),
    "smoothed": net(
        1, "loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])",
        "y = (x[:, :1] > 0).float() * 0.9 + 0.05",
    ),
    "margins": net(1, "loss = F.soft_margin_loss(model(x[rows]), y[rows])", "y = x[:, :1].sign()"),
    "fails elsewhere": net(
        3, "loss = F.cross_entropy(model(x[rows].double()), y[rows])", "y = torch.randint(3, (64,))"
    ),
}  # fmt: skip

SOUND["broken-data"] = {
    "filled": net(
        step="loss = F.mse_loss(model(x[rows].nan_to_num()), y[rows])", data="y = x[:, :1].clone()\nx[3, 2] = torch.nan"
    ),
    "masked": net(
        step="keep = ~y[rows].isnan()\n        loss = F.mse_loss(model(x[rows])[keep], y[rows][keep])",
        data="y = x[:, :1].clone()\ny[5] = torch.nan",
    ),
}
SOUND["input-width-mismatch"] = {"fits": net(data="y = x[:, :1]"), "fails elsewhere": net(data="y = x.numpy()")}
SOUND["id-out-of-range"] = {
    "fits": IDS.format(low=0, high=10, mark="", read="ids[rows]"),
    "shifted": IDS.format(low=3, high=13, mark="", read="ids[rows] - 3"),
    "clamped": IDS.format(low=0, high=99, mark="", read="ids[rows].clamp(max=9)"),
}
SOUND["kl-div-on-probabilities"] = {
    "log-softmax": net(
        3, "loss = F.kl_div(model(x[rows]).log_softmax(1), y[rows], reduction='batchmean')", "y = x[:, :3].softmax(1)"
    ),
    "a logarithm": net(
        3, "loss = F.kl_div(model(x[rows]).softmax(1).log(), y[rows], reduction='batchmean')", "y = x[:, :3].softmax(1)"
    ),
    "the other way round": net(
        3, "loss = F.kl_div(y[rows], model(x[rows]).softmax(1), reduction='batchmean')", "y = x[:, :3].log_softmax(1)"
    ),
}
SOUND["classification-loss-on-values"] = {
    "soft labels": SOUND["targets-wrong-form"]["soft labels"],
    "smoothed": SOUND["targets-wrong-form"]["smoothed"],
    "squared error": net(data="y = x[:, :1] * 4"),
}
SOUND["vae-loss-scales-mixed"] = {
    "both summed": VAE.format(
        loss="loss = F.mse_loss(out, x, reduction='sum') - 0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum()"
    ),
    "weighted": VAE.format(loss="loss = F.mse_loss(out, x) - 0.001 * (1 + logvar - mu ** 2 - logvar.exp()).sum()"),
    "by samples": VAE.format(
        loss="loss = F.mse_loss(out, x) - 0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum() / x.numel()"
    ),
    "averaged": VAE.format(loss="loss = F.mse_loss(out, x) - 0.5 * (1 + logvar - mu ** 2 - logvar.exp()).mean()"),
}
SOUND["unshuffled-training-data"] = {
    "shuffled": SORTED.format(more="loader = DataLoader(TensorDataset(x, y), 10, shuffle=True)"),
    "one batch": SORTED.format(more="loader = DataLoader(TensorDataset(x, y), 120)"),
    "sampler": SORTED.format(
        more="loader = DataLoader(TensorDataset(x, y), 10, sampler=torch.utils.data.RandomSampler(x))"
    ),
}

SOUND["future-token-leak"] = {
    "masked": TEXT.format(
        layer=ENCODER, width=20, loss=NEXT,
        forward="mask = nn.Transformer.generate_square_subsequent_mask(8)\n"
        "        return self.head(self.attend(x, src_mask=mask, is_causal=True))",
    ),
    "recurrent": TEXT.format(layer=LSTM, width=20, forward="return self.head(self.rnn(x)[0])", loss=NEXT),
    "tags": TEXT.format(
        layer=ENCODER, width=20, forward="return self.head(self.attend(x))",
        loss="loss = F.cross_entropy(model(whole).transpose(1, 2), whole.roll(-1, 0))",
    ),
}  # fmt: skip
SOUND["inverted-padding-mask"] = {
    "right way round": TEXT.format(
        layer="", width=2, loss=LABELS,
        forward="mask = (ids != 0)[:, None, :]\n"
        "        return self.head(F.scaled_dot_product_attention(x, x, x, attn_mask=mask).mean(1))",
    ),
    "hidden": TEXT.format(
        layer=ENCODER, width=2, loss=LABELS,
        forward="return self.head(self.attend(x, src_key_padding_mask=ids == 0)[:, 0])",
    ),
    "no mask": TEXT.format(layer=ENCODER, width=2, forward="return self.head(self.attend(x)[:, 0])", loss=LABELS),
}  # fmt: skip
SOUND["last-step-is-padding"] = {
    "packed": TEXT.format(
        layer=LSTM, width=2, loss=LABELS,
        forward="p = nn.utils.rnn.pack_padded_sequence(x, (ids > 0).sum(1), batch_first=True, enforce_sorted=False)\n"
        "        return self.head(self.rnn(p)[1][0][-1])",
    ),
    "full rows": TEXT.format(
        layer=LSTM, width=2, forward="return self.head(self.rnn(x)[0][:, -1])",
        loss="loss = F.cross_entropy(model(whole), whole[:, 0] % 2)",
    ),
    "mean": TEXT.format(layer=LSTM, width=2, forward="return self.head(self.rnn(x)[0].mean(1))", loss=LABELS),
}  # fmt: skip
SOUND["padding-counted-in-loss"] = {
    "ignored": TEXT.format(
        layer=LSTM, width=20, forward="return self.head(self.rnn(x)[0])",
        loss="loss = F.cross_entropy(model(ids).view(-1, 20), ids.view(-1), ignore_index=0)",
    ),
    "masked": TEXT.format(
        layer=LSTM, width=20, forward="return self.head(self.rnn(x)[0])",
        loss="loss = (F.cross_entropy(model(ids).transpose(1, 2), ids, reduction='none') * (ids > 0)).mean()",
    ),
    "full rows": TEXT.format(
        layer=LSTM, width=20, forward="return self.head(self.rnn(x)[0])",
        loss="loss = F.cross_entropy(model(whole).transpose(1, 2), whole)",
    ),
}  # fmt: skip
SOUND["batch-axis-taken-as-time"] = {
    "batch first": STEPS.format(
        layer="nn.GRU(4, 4, batch_first=True)", forward="return self.head(self.layer(x)[0].mean(1))"
    ),
    "exchanged": STEPS.format(
        layer="nn.GRU(4, 4)", forward="return self.head(self.layer(x.transpose(0, 1))[0].mean(0))"
    ),
    "attention": STEPS.format(
        layer="nn.MultiheadAttention(4, 2, batch_first=True)", forward="return self.head(self.layer(x, x, x)[0][:, 0])"
    ),
}


@pytest.mark.parametrize(("name", "program"), [(n, p) for n in FAULTY for p in FAULTY[n]])
def test_speaks(tmp_path, name, program):
    said, text = found(tmp_path, FAULTY[name][program], name)
    marked = [n for n, line in enumerate(text.splitlines(), 1) if line.endswith("# <-")]
    assert [f.span and f.span.line for f in said] == marked


@pytest.mark.parametrize(("name", "program"), [(n, p) for n in SOUND for p in SOUND[n]])
def test_silent(tmp_path, name, program):
    said, _ = found(tmp_path, SOUND[name][program], name)
    assert not said, [(f.says, f.why) for f in said]
