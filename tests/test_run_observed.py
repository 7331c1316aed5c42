"""What the worker sees of training scripts: losses, optimizers, the loop, the data. All run in this process."""

import textwrap

import pytest

torch = pytest.importorskip("torch")

from nnlint.facts import Facts, Unknown  # noqa: E402
from nnlint.worker.job import run  # noqa: E402

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
X, Y = torch.randn(40, 6), torch.randint(0, 3, (40,))
T = torch.randn(40, 3)
"""


def observe(tmp_path, body, **job):
    path = tmp_path / "train.py"
    path.write_text(HEAD + textwrap.dedent(body))
    answer = run({"path": str(path), "root": str(tmp_path), "timeout": 60, **job})
    return answer, [Facts.model_validate(s) for s in answer["subjects"]]


def only(tmp_path, body, **job):
    answer, facts = observe(tmp_path, body, **job)
    assert answer["ended"] == "stopped", answer["problems"]
    assert len(facts) == 1
    return facts[0]


def line_of(tmp_path, text):
    lines = (tmp_path / "train.py").read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


LOOP = """
for epoch in range(100):
    optimizer.zero_grad()
    loss = {loss}
    loss.backward()
    optimizer.step()
"""


def net(loss="nn.CrossEntropyLoss()(model(X), Y)", optimizer="torch.optim.SGD(model.parameters(), lr=0.1)"):
    return (
        "model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))\n"
        f"optimizer = {optimizer}\n" + LOOP.format(loss=loss)
    )


@pytest.mark.parametrize(
    ("loss", "kind", "name", "reduction"),
    [
        ("nn.CrossEntropyLoss()(model(X), Y)", "cross_entropy", "CrossEntropyLoss", "mean"),
        ("F.cross_entropy(model(X), Y, reduction='sum')", "cross_entropy", "F.cross_entropy", "sum"),
        ("F.mse_loss(T, model(X))", "mse", "F.mse_loss", "mean"),
        ("nn.BCEWithLogitsLoss(reduction='sum')(model(X), T.sigmoid())", "bce_with_logits", "BCEWithLogitsLoss", "sum"),
        ("0.5 * ((model(X) - T) ** 2).mean()", "mse", "hand-written loss", "mean"),
        ("(T - model(X)).pow(2).sum() / 40", "mse", "hand-written loss", "mean"),
        ("(model(X) - T).square().sum()", "mse", "hand-written loss", "sum"),
        ("torch.mean(torch.abs(T - model(X)))", "l1", "hand-written loss", "mean"),
        ("-model(X).log_softmax(1)[torch.arange(40), Y].mean()", "nll", "hand-written loss", "mean"),
        ("-F.log_softmax(model(X), 1).gather(1, Y[:, None]).mean()", "nll", "hand-written loss", "mean"),
        (
            "(T - model(X)).abs().max()",
            "custom",
            "hand-written loss",
            None,
        ),
        ("model(X).exp().mean()", "custom", "hand-written loss", None),
    ],
)
def test_loss_is_read_as_it_is_written(tmp_path, loss, kind, name, reduction):
    facts = only(tmp_path, net(loss))
    found = facts.recipe.loss
    assert (found.kind, found.name) == (kind, name)
    assert found.call.line == line_of(tmp_path, "loss = ")
    if reduction is not None:
        assert found.reduction == reduction
        assert next(facts.model.graph[i].op for i in found.reads) in ("linear", "log_softmax")


def test_binary_cross_entropy_by_hand(tmp_path):
    body = """
    model = nn.Sequential(nn.Linear(6, 1), nn.Sigmoid())
    y = (Y > 1).float()[:, None]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(9):
        p = model(X)
        loss = -(y * torch.log(p + 1e-8) + (1 - y) * torch.log(1 - p + 1e-8)).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    """
    facts = only(tmp_path, body)
    assert facts.recipe.loss.kind == "bce"
    assert [facts.model.graph[i].op for i in facts.recipe.loss.reads] == ["sigmoid"]
    assert facts.recipe.loop.clears_gradients is True


FORMULAS = """
H = F.one_hot(Y, 3).float()
B = (T > 0).float()

def bce(p):
    p = p.clamp(1e-7, 1 - 1e-7)
    return -(B * torch.log(p) + (1 - B) * torch.log(1 - p)).mean()

def bce_without_brackets(p):
    return (-B * p.log() - (1 - B) * torch.log1p(-p)).mean()

def rmse(z):
    return torch.sqrt(((z - T) ** 2).mean())

def multiplied_out(z):
    return ((z - T) * (z - T)).mean()

def weighted(z):
    return (H * (z - T).abs()).sum(1).mean()

def each_sample(z):
    return torch.stack([((row - t) ** 2).sum() for row, t in zip(z, T)]).mean()

def sum_of_exponentials(z):
    return (torch.logsumexp(z, 1) - z.gather(1, Y[:, None]).squeeze(1)).mean()

def stable(z):
    z = z - z.max(1, keepdim=True)[0]
    return (-z[torch.arange(40), Y] + torch.log(torch.exp(z).sum(1))).mean()

def softmax_by_hand(z):
    e = torch.exp(z)
    return -torch.log(e / e.sum(1, keepdim=True))[range(40), Y].mean()

def one_hot(z):
    return (-H * F.log_softmax(z, 1)).sum(1).mean()

def log_softmax_by_hand(z):
    return -(z - z.exp().sum(-1).log().unsqueeze(-1))[range(40), Y].mean()

def minus_inside(z):
    return (-F.log_softmax(z, 1))[torch.arange(40), Y].mean()

def with_epsilon(z):
    return -torch.sum(H * torch.log(F.softmax(z, 1) + 1e-9)) / 40

def kept_apart(z):
    return ((z - T) ** 2).mean() + 0.1 * (z.exp() - 1).mean()

def a_reward(z):
    return -(T * z).mean()

def a_margin(z):
    return (z - z.gather(1, Y[:, None])).clamp(min=0).mean()
"""


@pytest.mark.parametrize(
    ("name", "last", "kinds", "target"),
    [
        ("bce", "nn.Sigmoid()", ["bce"], (0, 1)),
        ("bce_without_brackets", "nn.Sigmoid()", ["bce"], None),
        ("rmse", "nn.Identity()", ["mse"], "T"),
        ("multiplied_out", "nn.Identity()", ["mse"], "T"),
        ("weighted", "nn.Identity()", ["l1"], "T"),
        ("each_sample", "nn.Identity()", ["mse"], None),
        ("sum_of_exponentials", "nn.Identity()", ["cross_entropy"], (0, 2)),
        ("stable", "nn.Identity()", ["cross_entropy"], (0, 2)),
        ("softmax_by_hand", "nn.Identity()", ["cross_entropy"], (0, 2)),
        ("one_hot", "nn.Identity()", ["nll"], None),
        ("log_softmax_by_hand", "nn.Identity()", ["cross_entropy"], (0, 2)),
        ("minus_inside", "nn.Identity()", ["nll"], (0, 2)),
        ("with_epsilon", "nn.Identity()", ["nll"], (0, 1)),
        ("kept_apart", "nn.Identity()", ["mse", "custom"], "T"),
        ("a_reward", "nn.Identity()", ["custom"], None),
        ("a_margin", "nn.Identity()", ["custom"], None),
    ],
)
def test_losses_written_by_hand(tmp_path, name, last, kinds, target):
    model = f"model = nn.Sequential(nn.Linear(6, 3), {last})\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
    facts = only(tmp_path, FORMULAS + model + LOOP.format(loss=f"{name}(model(X))"))
    assert list(dict.fromkeys(loss.kind for loss in facts.recipe.losses)) == kinds
    if target is not None:
        low, high = extremes() if target == "T" else target
        assert (facts.data.target.low, facts.data.target.high) == pytest.approx((low, high))


def extremes():
    torch.manual_seed(0)
    torch.randn(40, 6), torch.randint(0, 3, (40,))
    values = torch.randn(40, 3)
    return float(values.min()), float(values.max())


def test_several_losses_are_all_listed(tmp_path):
    facts = only(tmp_path, net("F.cross_entropy(model(X), Y) + 0.1 * F.mse_loss(model(X), T)"))
    assert {loss.kind for loss in facts.recipe.losses} == {"cross_entropy", "mse"}


def test_each_loss_has_its_own_target(tmp_path):
    facts = only(tmp_path, net("F.cross_entropy(model(X), Y) + 0.1 * F.mse_loss(model(X).tanh(), T.sigmoid())"))
    highest = {loss.kind: loss.compares.high for loss in facts.recipe.losses}
    assert highest["cross_entropy"] == 2
    assert 0.5 < highest["mse"] < 1


def test_a_penalty_on_weights_is_no_loss_of_its_own(tmp_path):
    facts = only(tmp_path, net("F.cross_entropy(model(X), Y) + 0.1 * sum(p.pow(2).sum() for p in model.parameters())"))
    assert facts.recipe.loss.kind == "cross_entropy"


@pytest.mark.parametrize(
    ("optimizer", "kind", "lr", "given"),
    [
        ("torch.optim.Adam(model.parameters())", "Adam", 0.001, ()),
        ("torch.optim.SGD(model.parameters(), 0.5, momentum=0.9)", "SGD", 0.5, ("lr", "momentum")),
        ("torch.optim.AdamW([{'params': model.parameters()}], lr=3e-4)", "AdamW", 3e-4, ("lr",)),
    ],
)
def test_optimizer_as_written(tmp_path, optimizer, kind, lr, given):
    found = only(tmp_path, net(optimizer=optimizer)).recipe.optimizers[0]
    assert (found.kind, found.lr, found.given) == (kind, lr, given)
    assert found.parameters == ("0.weight", "0.bias", "2.weight", "2.bias")
    assert found.span.line == line_of(tmp_path, "optimizer = ")


def test_arguments_behind_stars_are_unknown(tmp_path):
    found = only(tmp_path, net(optimizer="torch.optim.SGD(model.parameters(), **{'lr': 0.5})")).recipe.optimizers[0]
    assert found.lr == 0.5
    with pytest.raises(Unknown):
        _ = found.given


@pytest.mark.parametrize(
    ("clearing", "clears"),
    [
        ("optimizer.zero_grad()", True),
        ("model.zero_grad()", True),
        ("optimizer.zero_grad(set_to_none=False)", True),
        ("[setattr(p, 'grad', None) for p in model.parameters()]", True),
        ("[p.grad.zero_() for p in model.parameters() if p.grad is not None]", True),
        ("pass", False),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_clearing_by_whatever_means(tmp_path, clearing, clears, first):
    before, after = (clearing, "pass") if first else ("pass", clearing)
    body = f"""
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(9):
        {before}
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()
        {after}
    """
    loop = only(tmp_path, body).recipe.loop
    assert loop.clears_gradients is clears
    assert (loop.optimizer_name, loop.steps_seen) == ("optimizer", 3)
    assert (loop.backward.line, loop.step.line) == (line_of(tmp_path, "backward"), line_of(tmp_path, "step()"))


def test_accumulating_on_purpose_is_no_missing_clearing(tmp_path):
    body = """
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for i in range(40):
        (F.cross_entropy(model(X), Y) / 4).backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
    """
    assert only(tmp_path, body).recipe.loop.clears_gradients is True


def test_two_nets_that_play_against_each_other(tmp_path):
    body = """
    G, D = nn.Sequential(nn.Linear(2, 6), nn.Tanh()), nn.Sequential(nn.Linear(6, 1))
    opt_g, opt_d = torch.optim.Adam(G.parameters(), lr=1e-4), torch.optim.Adam(D.parameters(), lr=4e-4)
    bce = nn.BCEWithLogitsLoss()
    for _ in range(9):
        real, fake = torch.ones(40, 1), torch.zeros(40, 1)
        opt_d.zero_grad()
        made = G(torch.randn(40, 2))
        (bce(D(X), real) + bce(D(made.detach()), fake)).backward()
        opt_d.step()
        opt_g.zero_grad()
        bce(D(made), real).backward()
        opt_g.step()
    """
    answer, facts = observe(tmp_path, body)
    assert answer["ended"] == "stopped"
    assert [f.subject.target for f in facts] == ["train.py:G", "train.py:D"]
    generator, critic = facts
    assert [o.lr for o in generator.recipe.optimizers] == [1e-4]
    assert [o.lr for o in critic.recipe.optimizers] == [4e-4]
    assert critic.recipe.loop.clears_gradients is True
    assert critic.data.target.made == "constant"
    own = {node.module for node in generator.model.graph if node.module is not None}
    assert own == {"0", "1"}
    assert len(critic.recipe.losses) == 3


def test_a_model_called_by_its_parts(tmp_path):
    body = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        def features(self, x):
            return F.relu(self.body(x))
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(9):
        optimizer.zero_grad()
        F.cross_entropy(net.head(net.features(X)), Y).backward()
        optimizer.step()
    """
    facts = only(tmp_path, body)
    assert facts.subject.target == "train.py:Net"
    assert [n.module for n in facts.model.graph if n.op == "linear"] == ["body", "head"]
    assert facts.recipe.optimizers[0].parameters == ("body.weight", "body.bias", "head.weight", "head.bias")


def test_forward_called_directly(tmp_path):
    body = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        def forward(self, x):
            return self.head(F.relu(self.body(x))).softmax(-1)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(9):
        optimizer.zero_grad()
        F.cross_entropy(net.forward(X), Y).backward()
        optimizer.step()
    """
    facts = only(tmp_path, body)
    modules = {n.op: n.module for n in facts.model.graph if n.kind in ("layer", "function")}
    assert (modules["relu"], modules["softmax"], modules["linear"]) == ("", "", "head")
    assert [facts.model.graph[i].op for i in facts.recipe.loss.reads] == ["softmax"]


def test_a_trial_forward_before_training_is_left_out(tmp_path):
    body = "model = nn.Linear(6, 3)\nprint(model(torch.zeros(2, 6)).shape)\n" + net()
    facts = only(tmp_path, body)
    assert all(n.shape[:1] != (2,) for n in facts.model.graph if n.kind == "layer")


def test_loss_and_step_inside_of_a_closure(tmp_path):
    body = """
    model = nn.Linear(6, 3)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), Y)
        loss.backward()
        return loss
    for _ in range(9):
        optimizer.step(closure)
    """
    facts = only(tmp_path, body)
    assert facts.recipe.loss.kind == "cross_entropy"
    assert facts.recipe.loop.clears_gradients is True


def test_schedulers_go_on_working(tmp_path):
    body = (
        "model = nn.Linear(6, 3)\noptimizer = torch.optim.SGD(model.parameters(), lr=1.0)\n"
        "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)\n"
        + LOOP.format(loss="F.cross_entropy(model(X), Y)")
        + "    scheduler.step()\n    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
    )
    facts = only(tmp_path, body)
    assert facts.recipe.scheduler == "StepLR"
    assert facts.recipe.optimizers[0].lr == 1.0
    assert facts.recipe.loop.clips == "norm"


@pytest.mark.parametrize("swallow", ["except Exception: pass", "except: pass", "finally: pass"])
def test_user_code_cannot_swallow_the_stop(tmp_path, swallow):
    body = f"""
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(30):
        try:
            optimizer.zero_grad()
            F.cross_entropy(model(X), Y).backward()
            optimizer.step()
        {swallow}
    """
    facts = only(tmp_path, body)
    assert facts.recipe.loop.steps_seen == 3


def test_training_without_an_optimizer(tmp_path):
    body = """
    model = nn.Linear(6, 3)
    for _ in range(1000):
        loss = F.cross_entropy(model(X), Y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
    """
    facts = only(tmp_path, body)
    assert facts.recipe.optimizers == ()
    assert facts.recipe.loss.kind == "cross_entropy"
    assert facts.recipe.loop.clears_gradients is True


@pytest.mark.parametrize(
    ("step", "clears"),
    [
        ("p -= 0.1 * p.grad", False),
        ("p.data.sub_(0.1 * p.grad)", False),
        ("p -= 0.1 * p.grad; p.grad.zero_()", True),
        ("p -= 0.1 * p.grad; p.grad = None", True),
        ("pass", None),
    ],
)
def test_clearing_without_an_optimizer(tmp_path, step, clears):
    body = f"""
    model = nn.Linear(6, 3)
    for _ in range(1000):
        F.cross_entropy(model(X), Y).backward()
        with torch.no_grad():
            for p in model.parameters():
                {step}
    """
    loop = only(tmp_path, body).recipe.loop
    if clears is None:
        with pytest.raises(Unknown):
            loop.clears_gradients  # noqa: B018
    else:
        assert loop.clears_gradients is clears


def test_gpu_calls_run_on_the_cpu(tmp_path):
    body = """
    device = torch.device("cuda:0")
    model = torch.compile(nn.Linear(6, 3).cuda())
    X, Y = X.to(device), Y.cuda(non_blocking=True)
    torch.cuda.set_device(0)
    weight = torch.ones(3, device="cuda")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(9):
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y, weight=weight).backward()
        optimizer.step()
    """
    assert only(tmp_path, body).subject.status == "traced"


def test_loader_and_data(tmp_path):
    body = """
    from torch.utils.data import DataLoader, TensorDataset
    loader = DataLoader(TensorDataset(X * 100, Y), batch_size=8, shuffle=True, num_workers=4, pin_memory=True)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(7):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x / 100), y.cuda()).backward()
            optimizer.step()
    """
    facts = only(tmp_path, body, epochs=7)
    recipe, data = facts.recipe, facts.data
    assert (recipe.batch_size, recipe.shuffles, recipe.updates) == (8, True, 35)
    assert data.samples == 40
    assert (data.target.distinct, data.target.made, data.target.rows) == (3, "data", 40)
    assert data.features[0].kind == "vector"
    assert all(column.std < 2 for column in data.features[0].columns)


def test_batches_cut_by_hand(tmp_path):
    body = net("F.cross_entropy(model(X[:10]), Y[:10])")
    facts = only(tmp_path, body)
    assert facts.recipe.batch_size == 10
    assert (facts.data.samples, facts.data.features[0].rows) == (40, 40)


def test_an_autoencoder_aims_at_its_input(tmp_path):
    body = """
    model = nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 6))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(9):
        optimizer.zero_grad()
        F.mse_loss(model(X), X).backward()
        optimizer.step()
    """
    assert only(tmp_path, body).data.target.made == "input"


def test_labels_handed_to_a_model_are_no_input_of_its_prediction(tmp_path):
    body = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 3)
        def forward(self, x, labels=None):
            out = self.fc(x)
            return {"loss": F.cross_entropy(out, labels), "logits": out}
    net = Net()
    optimizer = torch.optim.AdamW(net.parameters())
    for _ in range(9):
        net(X, labels=Y)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    """
    facts = only(tmp_path, body)
    assert facts.recipe.loss.kind == "cross_entropy"
    assert facts.data.target.made == "data"
    assert [f.kind for f in facts.data.features] == ["vector"]


@pytest.mark.parametrize(
    "place",
    ["model = nn.Linear(5, 3)", "X = X @ torch.zeros(4, 4)", "T = T[9:]"],
)
def test_what_the_user_does_wrong_is_not_called_a_fault_of_nnlint(tmp_path, place):
    answer, _ = observe(tmp_path, net("F.mse_loss(model(X), T)").replace("for epoch", f"{place}\nfor epoch"))
    assert [p["kind"] for p in answer["problems"]] == ["raises"]
    assert answer["problems"][0]["line"] in (line_of(tmp_path, place), line_of(tmp_path, "loss ="))


def test_a_fault_of_ours_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlint.worker.iteration.Terms", None)
    answer, _ = observe(tmp_path, net())
    (problem,) = answer["problems"]
    assert problem["kind"] == "worker"
    assert "nnlint itself raises TypeError" in problem["message"]


def test_facts_are_those_of_the_initialization(tmp_path):
    body = (
        "model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))\n"
        "for m in (model[0], model[2]): nn.init.constant_(m.weight, 0.25)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=10.0)\n"
        + LOOP.format(loss="F.cross_entropy(model(X), Y)")
    )  # fmt: skip
    facts = only(tmp_path, body)
    assert facts.model.parameter("0.weight").mean == 0.25
    assert facts.model.parameter("0.weight").constant is True
    assert facts.model.fresh is True
    assert len(facts.probe.signals) == 1
    assert facts.probe.signals[0].gradient is not None
    assert facts.probe.loss == pytest.approx(1.1, abs=0.5)


def test_loaded_weights_are_not_fresh(tmp_path):
    body = "model = nn.Linear(6, 3)\nmodel.load_state_dict({k: v * 2 for k, v in model.state_dict().items()})\n"
    body += "optimizer = torch.optim.SGD(model.parameters(), lr=10.0)\n" + LOOP.format(
        loss="F.cross_entropy(model(X), Y)"
    )
    assert only(tmp_path, body).model.fresh is False


def test_watching_changes_nothing_of_what_is_computed(tmp_path):
    body = net().replace("optimizer.step()", "optimizer.step(); SEEN.append(loss.item())")
    body = "SEEN = []\n" + body.replace("range(100)", "range(2)") + "\nopen(OUT, 'w').write(repr(SEEN))"
    out = tmp_path / "out"
    answer, _ = observe(tmp_path, f"OUT = {str(out)!r}\n" + body)
    assert answer["ended"] == "finished"
    alone = {}
    exec(HEAD + f"OUT = {str(out) + '2'!r}\n" + body, alone)
    assert out.read_text() == repr(alone["SEEN"])


def test_everything_is_given_back(tmp_path):
    from torch.optim import Optimizer

    before = (
        torch.nn.Module.__call__, Optimizer.__init__, Optimizer.zero_grad, torch.Tensor.backward, torch.compile,
        torch.utils.data.DataLoader.__init__, torch.nn.utils.clip_grad_norm_, torch.autograd.backward,
    )  # fmt: skip
    only(tmp_path, net())
    after = (
        torch.nn.Module.__call__, Optimizer.__init__, Optimizer.zero_grad, torch.Tensor.backward, torch.compile,
        torch.utils.data.DataLoader.__init__, torch.nn.utils.clip_grad_norm_, torch.autograd.backward,
    )  # fmt: skip
    assert before == after
    assert torch.overrides._get_current_function_mode() is None


def test_without_training_the_candidates_are_described(tmp_path):
    body = """
    class Net(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.fc = nn.Linear(6, width)
        def forward(self, x):
            return self.fc(x)
    """
    candidates = [{"expression": "Net()", "how": "class"}]
    answer, facts = observe(tmp_path, body, candidates=candidates)
    assert facts == []
    assert "width" in answer["problems"][0]["message"]
    assert "# nnlint: model Net(...)" in answer["problems"][0]["help"]
    candidates = [{"expression": "Net(4)", "how": "comment", "input": ["5x6"]}]
    answer, facts = observe(tmp_path, body, candidates=candidates)
    assert facts[0].subject.target == "train.py:Net"
    assert facts[0].subject.status == "traced"
    assert facts[0].model.graph.nodes[0].shape == (5, 6)


def test_a_forward_on_the_users_own_data_is_preferred_to_a_guess(tmp_path):
    body = "net = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))\nwith torch.no_grad(): net(torch.randn(9, 2, 3))\n"
    _, facts = observe(tmp_path, body, candidates=[{"expression": "net", "how": "instance"}])
    assert facts[0].subject.guessed is False
    assert facts[0].model.graph.nodes[0].shape == (9, 2, 3)
