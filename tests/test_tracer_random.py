"""Random networks: shapes, parameters and edges are what torch itself, torch.fx and the values say."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import fx, nn

from nnlint.worker.describe import describe
from nnlint.worker.recorder import Recorder
from nnlint.worker.tiers import run_tier

WIDTH, BATCH = 6, 3
Step = tuple[str, int, int]

PURE = ("linear", "shared", "norm", "tanh", "gelu", "softmax", "add", "mul", "sub", "cat", "view", "transpose", "slice",
        "chunk", "scale", "stack", "dropout", "method", "matmul", "identity")  # fmt: skip
WRITING = ("add_", "relu_", "setitem", "write_view", "inplace_layer")


class Random(nn.Module):
    """A program of steps on values of shape (batch, width); every step reads one or two earlier values."""

    def __init__(self, steps: list[Step]) -> None:
        super().__init__()
        self.steps = steps
        self.shared = nn.Linear(WIDTH, WIDTH)
        self.both = nn.Linear(2 * WIDTH, WIDTH)
        self.scale = nn.Parameter(torch.randn(WIDTH))
        self.register_buffer("shift", torch.randn(WIDTH))
        self.drop = nn.Dropout(0.0)
        self.same = nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.layers = nn.ModuleList(
            nn.Linear(WIDTH, WIDTH) if kind == "linear" else nn.LayerNorm(WIDTH) if kind == "norm" else nn.Identity()
            for kind, _, _ in steps
        )

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        made = [x, y]
        for i, (kind, first, second) in enumerate(self.steps):
            made.append(self.step(kind, self.layers[i], made[first % len(made)], made[second % len(made)]))
        return torch.cat(made[2:], dim=1)

    def step(self, kind: str, layer: nn.Module, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if kind in ("linear", "norm"):
            return layer(a)
        if kind in ("shared", "dropout", "identity"):
            return {"shared": self.shared, "dropout": self.drop, "identity": self.same}[kind](a)
        if kind == "cat":
            return self.both(torch.cat([a, b], 1))
        if kind == "slice":
            return torch.cat([a[:, 2:], a[:, :2]], dim=-1)
        if kind == "chunk":
            one, two = a.chunk(2, dim=1)
            return torch.cat((two, one), 1)
        if kind == "scale":
            return a * self.scale + self.shift
        if kind in WRITING:
            return self.write(kind, a, b)
        return FORMULAS[kind](a, b)

    def write(self, kind: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        a = a + 0
        if kind == "add_":
            a += b
        elif kind == "relu_":
            F.relu_(a)
        elif kind == "setitem":
            a[:, 1:3] = b[:, 1:3]
        elif kind == "write_view":
            a.view(-1, WIDTH, 1).mul_(b.unsqueeze(-1))
        else:
            self.relu(a)
        return a


FORMULAS = {
    "tanh": lambda a, b: torch.tanh(a),
    "gelu": lambda a, b: F.gelu(a),
    "softmax": lambda a, b: a.softmax(-1),
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sub": lambda a, b: 1 - a - b,
    "view": lambda a, b: a.view(-1, 2, WIDTH // 2).flatten(1),
    "transpose": lambda a, b: a.t().contiguous().t(),
    "stack": lambda a, b: torch.stack([a, b]).mean(0),
    "method": lambda a, b: a.clamp(min=-1.5).sigmoid(),
    "matmul": lambda a, b: a @ (b.transpose(0, 1) @ b),
}


def programs(kinds: tuple[str, ...]) -> st.SearchStrategy[list[Step]]:
    number = st.integers(0, 30)
    return st.lists(st.tuples(st.sampled_from(kinds), number, number), min_size=1, max_size=12)


def build(steps: list[Step]) -> tuple[Random, tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(len(steps))
    model = Random(steps).double()
    return model, (torch.randn(BATCH, WIDTH).double(), torch.randn(BATCH, WIDTH).double())


def record(model: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[list[dict[str, Any]], dict[int, list[Any]]]:
    """Record a real forward and keep a copy of every value."""
    values: dict[int, list[torch.Tensor]] = {}
    recorder = Recorder(on_node=lambda n, _, out: values.__setitem__(n["id"], [t.detach().clone() for t in out]))
    recorder.adopt(model)
    with recorder, torch.no_grad():
        model(*args)
    return recorder.nodes, values


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(programs(PURE + WRITING))
def test_shapes_without_values_equal_torchs_own(steps: list[Step]) -> None:
    model, args = build(steps)
    real, values = record(model, args)
    abstract = run_tier(model, args, {}, "meta")
    assert abstract.error is None
    assert [(n["op"], n.get("gives")) for n in abstract.nodes] == [(n["op"], n.get("gives")) for n in real]
    for node, given_values in values.items():
        assert [list(v.shape) for v in given_values] == [g["shape"] for g in abstract.nodes[node]["gives"]]


@settings(max_examples=15, deadline=None)
@given(programs(PURE))
def test_parameter_counts_equal_torchs_own(steps: list[Step]) -> None:
    model, args = build(steps)
    facts = describe(model, target="m", path=None, inputs=args, probe=False)
    own = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert {p["name"]: tuple(p["shape"]) for p in facts["model"]["parameters"]} == own
    assert facts["subject"]["parameters"] == sum(p.numel() for p in model.parameters())
    read = {name for n in facts["model"]["graph"]["nodes"] for name in n.get("parameters", ())}
    model.zero_grad()
    model(*(x.requires_grad_() for x in args)).sum().backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == read


@quick
@given(programs(PURE))
def test_edges_equal_those_of_fx(steps: list[Step]) -> None:
    model, args = build(steps)
    ours = [
        (n["op"], list(n.get("inputs", ())), n.get("parameters", [])) for n in run_tier(model, args, {}, "meta").nodes
    ]
    place = {i: k for k, i in enumerate(i for i, n in enumerate(ours) if n[0] not in ("buffer", "constant"))}
    mine = [[place[j] for j in ours[i][1] if j in place] for i in place]
    assert mine == edges_of_fx(model)


def edges_of_fx(model: nn.Module) -> list[list[int]]:
    """Return for each call in a torch.fx graph the calls that it reads, parameters and unpacking of tuples left out."""
    place: dict[fx.Node, int] = {}
    stands_for: dict[fx.Node, fx.Node] = {}
    edges: list[list[int]] = []
    for node in fx.symbolic_trace(model).graph.nodes:
        if node.op in ("get_attr", "output"):
            continue
        if node.target is operator.getitem and isinstance(node.args[1], int):
            stands_for[node] = node.args[0]
            continue
        read = [stands_for.get(i, i) for i in flat(node.args) + flat(tuple(node.kwargs.values()))]
        place[node] = len(edges)
        edges.append([place[i] for i in read if i in place])
    return edges


def flat(value: Any) -> list[fx.Node]:
    if isinstance(value, fx.Node):
        return [value]
    return [node for item in value for node in flat(item)] if isinstance(value, (tuple, list)) else []


@quick
@given(programs(PURE + WRITING), st.integers(0, 1))
@example([("setitem", 1, 0), ("setitem", 0, 2)], 1)  # reads back exactly what was written over
def test_perturbing_an_input_changes_exactly_what_is_downstream(steps: list[Step], which: int) -> None:
    model, args = build(steps)
    nodes, before = record(model, args)
    changed = list(args)
    changed[which] = changed[which] + torch.randn(BATCH, WIDTH).double() + 0.1
    _, after = record(model, tuple(changed))
    reached = {which}
    for node in nodes:
        if reached & set(node.get("inputs", ())):
            reached.add(node["id"])
    differs = {i for i in before if any(not torch.equal(a, b) for a, b in zip(before[i], after[i]))}
    assert differs <= reached, [nodes[i] for i in differs - reached]
    lost = {i for i in reached - differs if i > 1 and not saturated(nodes, i, before, differs)}
    assert not lost, [nodes[i] for i in lost]


def saturated(nodes: list[dict[str, Any]], node: int, values: dict[int, list[Any]], differs: set[int]) -> bool:
    """Whether a change may rightly have died out: behind a ReLU or a clamp, times zero, in a part that was written
    over, or in what depends on these."""
    if nodes[node]["op"] in ("relu", "clamp", "mul"):
        return True
    if nodes[node]["op"] == "getitem" and any(nodes[i]["op"] == "setitem" for i in nodes[node]["inputs"]):
        return True
    sources = [i for i in nodes[node]["inputs"] if i not in differs]
    return bool(sources) and all(saturated(nodes, i, values, differs) for i in sources if i > 1 and i in values)
