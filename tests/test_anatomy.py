"""What is derived from a graph: domain, roles, depth, shortcuts, what comes back, what is tied, frozen and unused."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from tracer_models import GPT, MODELS, ResNet  # noqa: E402

from nnlint.facts import Facts, Model, Unknown  # noqa: E402
from nnlint.worker.describe import describe  # noqa: E402


def model_of(model, *inputs):
    found = Facts.model_validate(describe(model, target="m", path=None, inputs=inputs, probe=False)).model
    assert found is not None
    return found


def ids(*shape, most=10):
    return torch.randint(0, most, shape)


class Calling(nn.Module):
    def __init__(self, call, **layers):
        super().__init__()
        self.call = call
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *x):
        return self.call(self, *x)


TEXT = Calling(lambda m, x: m.head(m.body(m.ids(x))[0]), ids=nn.Embedding(10, 8), body=nn.GRU(8, 8, batch_first=True),
               head=nn.Linear(8, 10))  # fmt: skip
TABLE = Calling(lambda m, x: m.head(torch.cat([m.a(x[:, 0]), m.b(x[:, 1])], 1)), a=nn.Embedding(10, 4),
                b=nn.Embedding(10, 4), head=nn.Linear(8, 2))  # fmt: skip
GRAPH = Calling(lambda m, x, edges: torch.zeros(len(x), 4).index_add(0, edges[1], m.body(x)[edges[0]]),
                body=nn.Linear(5, 4))  # fmt: skip
PATCHES = Calling(lambda m, x: m.body(m.cut(x).flatten(2).transpose(1, 2)).mean(1), cut=nn.Conv2d(3, 8, 4, 4),
                  body=nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))  # fmt: skip
PAIR = Calling(lambda m, x, y: m.a(x) + m.b(y), a=nn.Linear(5, 3), b=nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten()))


@pytest.mark.parametrize(
    ("model", "inputs", "domain"),
    [
        (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)), (torch.randn(3, 5),), "vector"),
        (nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 2)), (torch.randn(3, 1, 28, 28),), "image"),
        (ResNet(), (torch.randn(2, 3, 16, 16),), "image"),
        (PATCHES, (torch.randn(2, 3, 16, 16),), "image"),
        (nn.Conv1d(2, 4, 3), (torch.randn(3, 2, 20),), "sequence"),
        (nn.Conv3d(1, 4, 3), (torch.randn(3, 1, 8, 8, 8),), "volume"),
        (nn.LSTM(5, 4), (torch.randn(7, 3, 5),), "sequence"),
        (nn.TransformerEncoderLayer(8, 2, 16), (torch.randn(7, 3, 8),), "sequence"),
        (TEXT, (ids(3, 7),), "text"),
        (GPT(), (ids(2, 8),), "text"),
        (TABLE, (ids(6, 2),), None),
        (GRAPH, (torch.randn(6, 5), ids(2, 9, most=6)), "graph"),
        (PAIR, (torch.randn(2, 5), torch.randn(2, 1, 3, 3)), None),
    ],
)
def test_the_domain_is_told_by_the_first_layers_or_not_at_all(model, inputs, domain):
    found = model_of(model, *inputs)
    if domain is None:
        with pytest.raises(Unknown, match=r"model\.domain"):
            _ = found.domain
    else:
        assert found.domain == domain


@pytest.mark.parametrize(
    ("last", "role"),
    [
        (nn.Identity(), "scores"), (nn.Softmax(-1), "probabilities"), (nn.Sigmoid(), "probabilities"),
        (nn.LogSoftmax(-1), "log_probabilities"), (nn.Tanh(), "bounded"), (nn.ReLU(), "non_negative"),
        (nn.LayerNorm(4), "features"), (nn.LeakyReLU(), "features"), (nn.Dropout(), "scores"),
    ],
)  # fmt: skip
def test_the_role_of_an_output(last, role):
    found = model_of(nn.Sequential(nn.Linear(5, 4), last), torch.randn(3, 5))
    assert [(r.shape, r.role) for r in found.roles] == [((3, 4), role)]


def test_roles_of_several_outputs():
    states = model_of(nn.LSTM(5, 4), torch.randn(7, 3, 5))
    assert [r.role for r in states.roles] == ["features", "state", "state"]
    both = model_of(Calling(lambda m, x: (m.a(x), m.a(x).argmax(1)), a=nn.Linear(5, 3)), torch.randn(2, 5))
    assert [r.role for r in both.roles] == ["scores", "labels"]


def test_a_resnet_has_its_shortcuts():
    found = model_of(ResNet(), torch.randn(2, 3, 16, 16))
    additions = [n.id for n in found.graph if n.op == "add"]
    assert [r.end for r in found.residuals] == additions
    assert {r.layers for r in found.residuals} == {2}
    for residual in found.residuals:
        assert residual.start in found.graph.upstream(found.graph[residual.end])


def test_a_projection_is_a_shortcut_and_parallel_branches_are_none():
    projected = Calling(
        lambda m, x: m.c(x) + m.b(m.a(x).relu()), a=nn.Linear(5, 5), b=nn.Linear(5, 4), c=nn.Linear(5, 4)
    )
    parallel = Calling(lambda m, x: m.c(x).tanh() + m.b(m.a(x).relu()), a=nn.Linear(5, 5), b=nn.Linear(5, 4),
                       c=nn.Linear(5, 4))  # fmt: skip
    scaled = Calling(lambda m, x: m.a(x) + 1, a=nn.Linear(5, 5))
    (one,) = model_of(projected, torch.randn(3, 5)).residuals
    assert (one.layers, one.identity) == (2, False)
    assert model_of(parallel, torch.randn(3, 5)).residuals == ()
    assert model_of(scaled, torch.randn(3, 5)).residuals == ()


def test_a_random_net_has_the_depth_and_the_shortcuts_that_it_was_built_with():
    for seed in range(25):
        draw = random.Random(seed)
        plan = [draw.choice(("plain", "linear", "skip", "dropout")) for _ in range(draw.randrange(1, 9))]
        layers = nn.ModuleList(nn.Linear(6, 6) for _ in plan)

        def forward(model, x, plan=plan, layers=layers):
            for kind, layer in zip(plan, layers, strict=True):
                made = layer(x)
                if kind == "plain":
                    x = torch.relu(made)
                elif kind == "skip":
                    x = x + torch.tanh(made)
                else:
                    x = nn.functional.dropout(made) if kind == "dropout" else made
            return x

        found = model_of(Calling(forward, layers=layers), torch.randn(3, 6))
        assert found.depth == sum(kind in ("plain", "skip") for kind in plan), plan
        skips = [r for r in found.residuals if r.identity]
        assert len(skips) == plan.count("skip"), plan
        assert found.recurrence == found.unused == ()


def test_recurrence_is_a_layer_or_an_unrolled_cell():
    def unrolled(model, x):
        state = torch.zeros(x.shape[0], 4)
        for step in range(x.shape[1]):
            state = torch.tanh(model.cell(torch.cat([x[:, step], state], 1)))
        return state

    twice = Calling(lambda m, x, y: m.tower(x) - m.tower(y), tower=nn.Linear(5, 3))
    assert model_of(TEXT, ids(3, 7)).recurrence == ("body",)
    assert model_of(Calling(unrolled, cell=nn.Linear(9, 4)), torch.randn(3, 6, 5)).recurrence == ("cell",)
    assert model_of(twice, torch.randn(3, 5), torch.randn(3, 5)).recurrence == ()


def test_tied_frozen_and_unused_parameters():
    model = Calling(lambda m, x: m.head(m.ids(x)), ids=nn.Embedding(10, 4), head=nn.Linear(4, 10, bias=False),
                    spare=nn.Linear(2, 2))  # fmt: skip
    model.head.weight = model.ids.weight
    model.spare.bias.requires_grad_(False)
    found = model_of(model, ids(3, 7))
    assert found.tied == (("ids.weight", "head.weight"),)
    assert found.frozen == ("spare.bias",)
    assert found.unused == ("spare.weight", "spare.bias")
    assert [p.name for p in found.parameters] == ["ids.weight", "spare.weight", "spare.bias"]


def test_what_needs_the_graph_is_unknown_without_one():
    model = Model(name="Net")
    for read in ("domain", "roles", "depth", "recurrence", "residuals", "unused", "multiply_adds"):
        with pytest.raises(Unknown):
            getattr(model, read)
    assert model.frozen == ()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_of_the_tests_can_be_read(name):
    model, inputs = MODELS[name]()
    found = model_of(model, *inputs)
    assert found.depth >= 0
    assert all(r.start < r.end for r in found.residuals)
    assert found.multiply_adds[0] > 0
    assert len(found.graph.normalizations()) == sum(n.op.endswith("_norm") for n in found.graph)
