"""What a rule asks for must not silence it on models that it has nothing to do with."""

from __future__ import annotations

import torch
from torch import nn

import nnlint

NEEDS_MORE = ("recipe", "data")


class Gates(nn.Module):
    """A little of many things: convolutions, norms, gates, attention over places."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.gate = nn.Linear(16, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.first(x)
        x = x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]
        tokens = x.flatten(2).transpose(1, 2)
        return self.head((tokens + self.attention(tokens, tokens, tokens)[0]).mean(1))


def test_a_model_object_alone_answers_what_rules_ask_of_it():
    torch.manual_seed(0)
    report = nnlint.advise(Gates(), inputs="4x3x8x8")
    assert report.subjects[0].status == "traced"
    vain = {(one.rule, one.needs) for one in report.not_checked if not one.needs.startswith(NEEDS_MORE)}
    assert vain == set()


def test_whether_weights_are_fresh_is_asked_only_where_it_decides():
    torch.manual_seed(0)
    layers = [nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)]
    nn.init.constant_(layers[0].bias, -50.0)  # off everywhere: learned or drawn, an object does not tell
    report = nnlint.advise(nn.Sequential(*layers), inputs="16x8")
    assert ("dead-relu", "model.fresh") in {(one.rule, one.needs) for one in report.not_checked}


class Attended(nn.Module):
    """Attention by hand whose projection is followed by another layer, as in divided space-time attention."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(16, 48)
        self.out = nn.Linear(16, 16)
        self.temporal = nn.Linear(16, 16)
        self.feed = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4))

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        mixed = torch.softmax(q @ k.transpose(1, 2) / 4, -1) @ v
        return self.feed(x + self.temporal(self.out(mixed)))


class Held(nn.Module):
    """Layers in a bare `nn.Module` that has no forward of its own: another class reaches into it."""

    def __init__(self):
        super().__init__()
        self.down = nn.Module()
        self.down.block = nn.Linear(8, 8)
        self.up = nn.Module()
        self.up.block = nn.Linear(8, 8)

    def encode(self, x):
        return self.down.block(x)

    def forward(self, x):
        return self.up.block(x)


def test_what_belongs_to_a_design_of_its_own_is_no_finding():
    torch.manual_seed(0)
    said = {f.rule for f in nnlint.advise(Attended(), inputs="2x5x16").findings}
    said |= {f.rule for f in nnlint.advise(Held(), inputs="2x8").findings}
    assert said & {"linear-after-linear", "unused-parameters"} == set()


class Learned(nn.Module):
    """A linear layer reads a view of a parameter: nothing stands in front of that view."""

    def __init__(self):
        super().__init__()
        self.start = nn.Parameter(torch.randn(4))
        self.mix = nn.Linear(4, 4)

    def forward(self, x):
        return x + self.mix(self.start.unsqueeze(0))


def test_a_layer_over_a_view_of_a_parameter_breaks_no_rule():
    report = nnlint.advise(Learned(), inputs="2x4")
    assert report.errors == ()
    assert report.subjects[0].status == "traced"
