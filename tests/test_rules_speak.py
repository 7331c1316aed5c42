"""What the rules say on sketches: one root cause, one finding, at the right level, with the right way out."""

from __future__ import annotations

import functools

import pytest
from sketch import Sketch, column, features, labels, probe, values

from nnlint.engine import check
from nnlint.facts import Facts, Loop, Optimizer, Span
from nnlint.finding import Finding
from nnlint.fix import InsertAfter, Remove, Replace, ReplaceLoss, SetArgument
from nnlint.registry import load


@functools.cache
def rules():
    return load()


def said(facts: Facts) -> dict[str, Finding]:
    """Return the findings of level warning and error by rule, none of them twice."""
    found = [f for f in check(facts, rules()).findings if f.level in ("error", "warning")]
    by_rule = {f.rule: f for f in found}
    assert len(by_rule) == len(found), found
    return by_rule


def verbs(finding: Finding) -> list[type]:
    return [type(verb) for verb in finding.fixes[0].verbs] if finding.fixes else []


def classifier(tail: str | None = None, classes: int = 5, **arguments: object) -> tuple[Sketch, int]:
    s = Sketch()
    logits = s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), classes)
    return s, logits if tail is None else s.op(tail, logits, **arguments)


def test_softmax_in_the_training_loop_counts_as_well():
    s, logits = classifier()
    s.returns(logits)
    s.loss("cross_entropy", s.outside("softmax", logits, dim=1))
    found = said(s.facts(target=labels(classes=5)))
    assert list(found) == ["softmax-before-cross-entropy"]
    assert found["softmax-before-cross-entropy"].fixes[0].title == "pass the logits to the loss"


@pytest.mark.parametrize("tail", ["softmax", "sigmoid"])
def test_probabilities_before_cross_entropy(tail):
    s, out = classifier(tail, dim=1)
    s.loss("cross_entropy", s.op("view", out))
    found = said(s.facts(target=labels(classes=5)))
    assert list(found) == ["softmax-before-cross-entropy"]
    assert "0.90" in found["softmax-before-cross-entropy"].why
    assert verbs(found["softmax-before-cross-entropy"]) == [Remove]


@pytest.mark.parametrize(("first", "loss"), [("softmax", "nll"), ("sigmoid", "nll"), ("softmax", "cross_entropy")])
def test_probabilities_before_a_log_softmax(first, loss):
    s, out = classifier(first, dim=1)
    s.returns(out)
    s.loss(loss, s.outside("log_softmax", out, dim=1))
    facts = s.facts(target=labels(classes=5))
    found = said(facts)
    assert list(found) == ["softmax-before-cross-entropy"]
    assert "log_softmax" in found["softmax-before-cross-entropy"].says
    assert found["softmax-before-cross-entropy"].at == facts.model.graph[out]


def test_softmax_over_the_batch_before_cross_entropy_is_one_finding():
    s, out = classifier("softmax", dim=0)
    s.loss("cross_entropy", out)
    assert list(said(s.facts(target=labels(classes=5)))) == ["softmax-before-cross-entropy"]


@pytest.mark.parametrize(("kind", "verb"), [("bce", Replace), ("mse", Replace), ("bce_with_logits", Remove)])
def test_softmax_on_one_unit_leads_to_a_probability(kind, verb):
    s, out = classifier("softmax", classes=1, dim=1)
    s.loss(kind, out)
    found = said(s.facts(target=values((32, 1), 0.1, 0.9)))
    assert list(found) == ["softmax-on-one-unit"]
    assert verbs(found["softmax-on-one-unit"]) == [verb]


def test_softmax_on_one_unit_is_seen_without_any_loss():
    s, out = classifier("softmax", classes=1, dim=-1)
    s.returns(out)
    facts = s.facts(losses=())
    assert list(said(facts)) == ["softmax-on-one-unit"]
    assert list(said(facts.model_copy(update={"recipe": None, "data": None}))) == ["softmax-on-one-unit"]


def test_attention_over_its_single_unit():
    s = Sketch()
    x = s.input(32, 12, 8)
    weights = s.op("softmax", s.linear(s.op("tanh", s.linear(x, 8)), 1), dim=-1)
    s.loss("cross_entropy", s.linear(s.op("sum", s.op("mul", x, weights), shape=(32, 8)), 5))
    found = said(s.facts(target=labels(classes=5)))
    assert list(found) == ["softmax-on-one-unit"]
    assert found["softmax-on-one-unit"].level == "warning"
    assert found["softmax-on-one-unit"].help


@pytest.mark.parametrize(("tail", "verb"), [(None, ReplaceLoss), ("tanh", Replace), ("relu", Replace)])
def test_no_probability_into_bce(tail, verb):
    s, out = classifier(tail, classes=1)
    s.loss("bce", out)
    found = said(s.facts(target=labels(shape=(32, 1))))
    assert list(found) == ["sigmoid-loss-mismatch"]
    assert verbs(found["sigmoid-loss-mismatch"]) == [verb]


def test_a_layer_before_bce_has_two_ways_out():
    s, out = classifier(classes=1)
    s.loss("bce", out)
    fixes = said(s.facts(target=labels(shape=(32, 1))))["sigmoid-loss-mismatch"].fixes
    assert [type(fix.verbs[0]) for fix in fixes] == [ReplaceLoss, InsertAfter]


def test_mse_on_labels_behind_one_softmaxed_unit_is_a_fault_of_its_own():
    s, out = classifier("softmax", classes=1, dim=1)
    s.loss("mse", out)
    assert set(said(s.facts(target=labels(shape=(32, 1))))) == {"softmax-on-one-unit", "regression-loss-on-classes"}


def test_softmax_with_mse_on_labels_that_are_not_exclusive():
    s, out = classifier("softmax", dim=1)
    s.loss("mse", out)
    found = said(s.facts(target=labels(shape=(32, 5))))
    assert set(found) == {"softmax-loss-mismatch", "regression-loss-on-classes"}
    assert verbs(found["softmax-loss-mismatch"]) == [Replace]


@pytest.mark.parametrize(("tail", "expected"), [("softmax", [ReplaceLoss, Remove]), (None, [ReplaceLoss])])
def test_mse_on_one_hot_classes_becomes_cross_entropy(tail, expected):
    s, out = classifier(tail, dim=1) if tail else classifier()
    s.loss("mse", out)
    found = said(s.facts(target=labels(shape=(32, 5), one_hot=True)))
    assert list(found) == ["regression-loss-on-classes"]
    assert verbs(found["regression-loss-on-classes"]) == expected


def test_softmax_into_bce_with_logits():
    s, out = classifier("softmax", dim=1)
    s.loss("bce_with_logits", out)
    assert list(said(s.facts(target=labels(shape=(32, 5), one_hot=True)))) == ["softmax-loss-mismatch"]


def test_nll_on_logits_and_on_probabilities():
    for tail, verb in ((None, ReplaceLoss), ("softmax", Replace)):
        s, out = classifier(tail, dim=1) if tail else classifier()
        s.loss("nll", out)
        found = said(s.facts(target=labels(classes=5)))
        assert list(found) == ["nll-without-log-softmax"]
        assert verbs(found["nll-without-log-softmax"]) == [verb]


def test_relu_on_a_layer_written_by_hand():
    s = Sketch()
    product = s.op("matmul", s.input(32, 8), s.constant(8, 5), shape=(32, 5))
    s.loss("cross_entropy", s.op("relu", s.op("add", product, s.constant(5))))
    assert list(said(s.facts(target=labels(classes=5)))) == ["relu-before-loss"]


def test_relu_under_a_log_softmax():
    s, out = classifier("relu")
    s.loss("nll", s.op("log_softmax", out, dim=1))
    found = said(s.facts(target=labels(classes=5)))
    assert list(found) == ["relu-before-loss"]


def test_targets_out_of_reach():
    for tail, low, high in (("tanh", -3.0, 3.0), ("relu", -2.0, 5.0), ("sigmoid", 0.0, 40.0), ("elu", -4.0, 2.0)):
        s, out = classifier(tail, classes=1)
        s.loss("mse", out)
        found = said(s.facts(target=values((32, 1), low, high)))
        assert list(found) == ["bounded-regression-output"], tail
        assert verbs(found["bounded-regression-output"]) == [Remove]


def test_dropout_under_the_activation_of_an_output():
    s = Sketch()
    out = s.op("sigmoid", s.op("dropout", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 1), p=0.3))
    s.loss("bce", out)
    assert list(said(s.facts(target=labels(shape=(32, 1))))) == ["dropout-on-output"]


def test_dropout_of_rate_zero_is_none():
    s, out = classifier("dropout", p=0.0)
    s.loss("cross_entropy", out)
    assert not said(s.facts(target=labels(classes=5)))


def test_all_weights_and_biases_zero():
    s = Sketch()
    zero = {"zeros": 1.0, "std": 0.0, "low": 0.0, "high": 0.0, "constant": True, "equal_units": True, "zero_bias": True}
    h = s.op("relu", s.linear(s.input(32, 8), 16, **zero))
    s.loss("cross_entropy", s.linear(h, 4, **zero))
    assert list(said(s.facts(target=labels(classes=4)))) == ["symmetric-init"]


def test_one_zero_layer_under_a_relu():
    s = Sketch()
    zero = {"zeros": 1.0, "std": 0.0, "low": 0.0, "high": 0.0, "constant": True, "equal_units": True, "zero_bias": True}
    s.loss("cross_entropy", s.linear(s.op("relu", s.linear(s.input(32, 8), 16, **zero)), 4))
    assert list(said(s.facts(target=labels(classes=4)))) == ["symmetric-init"]


def test_weights_of_one_are_one_finding():
    s = Sketch()
    large = {"std": 1.0, "low": -3.5, "high": 3.5, "schemes": ("normal",)}
    a = s.op("relu", s.linear(s.input(32, 64), 128, **large))
    b = s.op("relu", s.linear(a, 128, **large))
    s.loss("cross_entropy", s.linear(b, 4, **large))
    found = said(s.facts(target=labels(classes=4), probe=probe((a, 8.0, 30.0), (b, 60.0, 0.9), prediction=500.0)))
    assert list(found) == ["oversized-activations"]
    assert "init-mismatched-to-activation" in found["oversized-activations"].also_explains


def test_weights_made_by_hand_far_too_small_are_advice():
    s = Sketch()
    small = {"std": 0.01, "low": -0.03, "high": 0.03, "schemes": ()}
    h = s.op("relu", s.linear(s.input(32, 64), 64, **small))
    s.loss("cross_entropy", s.linear(h, 4))
    found = check(s.facts(target=labels(classes=4), probe=probe((h, 0.05, 1.0))), rules()).findings
    assert [(f.rule, f.level) for f in found if f.level != "experiment"] == [
        ("init-mismatched-to-activation", "advice")
    ]
    assert "18 times too small" in found[0].says


def test_no_activation_at_all_is_advice():
    s = Sketch()
    s.loss("mse", s.linear(s.linear(s.input(32, 8), 16), 1))
    found = check(s.facts(target=values((32, 1), -2, 2)), rules()).findings
    assert [(f.rule, f.level) for f in found if f.level != "experiment"] == [("linear-after-linear", "advice")]


def test_a_forgotten_activation_is_put_behind_the_norm():
    s = Sketch()
    h = s.norm(s.linear(s.op("gelu", s.linear(s.input(32, 8), 16)), 16))
    s.loss("cross_entropy", s.linear(s.op("dropout", h, p=0.1), 4))
    found = said(s.facts(target=labels(classes=4)))
    assert list(found) == ["linear-after-linear"]
    verb = found["linear-after-linear"].fixes[0].verbs[0]
    assert isinstance(verb, InsertAfter)
    assert (verb.node.op, verb.op) == ("batch_norm", "gelu")


@pytest.mark.parametrize(
    "columns",
    [
        [column(120, 70, 0, 255)],
        [column(0, 1), column(2010, 5)],
        [column(5.8, 0.8), column(1.2, 0.8)],
        [
            column(0, 1),
            column(0, 1),
            column(0, 9.9),
            column(0, 0.01),
            column(0, 0.01),
            column(0, 0.01),
            column(0, 0.01),
        ],
    ],
)
def test_features_on_other_scales(columns):
    s = Sketch()
    s.loss("cross_entropy", s.linear(s.op("relu", s.linear(s.input(32, len(columns)), 16)), 4))
    given = features("vector", (32, len(columns)), columns)
    assert list(said(s.facts(target=labels(classes=4), features=[given]))) == ["unscaled-features"]


def test_features_that_nnlint_drew_itself_say_nothing():
    s = Sketch()
    s.loss("cross_entropy", s.linear(s.op("relu", s.linear(s.input(32, 1), 16)), 4))
    facts = s.facts(target=labels(classes=4), features=[features("vector", (32, 1), [column(120, 70, 0, 255)])])
    assert facts.data is not None
    assert not said(facts.model_copy(update={"data": facts.data.model_copy(update={"guessed": True})}))


@pytest.mark.parametrize(
    ("kind", "lr", "usual"), [("SGD", 5.0, 0.01), ("SGD", 1e-6, 0.01), ("Adam", 0.3, 0.001), ("AdamW", 1e-8, 0.001)]
)
def test_rates_out_of_range(kind, lr, usual):
    s, out = classifier()
    s.loss("cross_entropy", out)
    names = tuple(p.name for p in s.parameters)
    optimizer = Optimizer(kind=kind, lr=lr, momentum=0.9, parameters=names, span=Span(path="train.py", line=9))
    found = said(s.facts(target=labels(classes=5), optimizers=(optimizer,)))
    assert list(found) == ["learning-rate-out-of-range"]
    verb = found["learning-rate-out-of-range"].fixes[0].verbs[0]
    assert isinstance(verb, SetArgument)
    assert verb.value == usual


def test_small_rate_under_a_summed_loss():
    s, out = classifier()
    s.loss("cross_entropy", out, reduction="sum")
    names = tuple(p.name for p in s.parameters)
    optimizer = Optimizer(kind="SGD", lr=1e-7, momentum=0.9, parameters=names)
    assert not said(s.facts(target=labels(classes=5), optimizers=(optimizer,)))


def test_gradients_never_cleared():
    s, out = classifier()
    s.loss("cross_entropy", out)
    loop = Loop(clears_gradients=False, backward=Span(path="train.py", line=7), optimizer_name="self.opt", clips=None)
    found = said(s.facts(target=labels(classes=5), loop=loop))
    assert list(found) == ["missing-zero-grad"]
    assert found["missing-zero-grad"].fixes[0].verbs[0].text == "self.opt.zero_grad()"


def test_one_unit_as_classes():
    s, out = classifier(classes=1)
    s.loss("cross_entropy", out)
    found = said(s.facts(target=values((32, 1), 0.0, 1.0)))
    assert list(found) == ["output-width-mismatch"]
    assert verbs(found["output-width-mismatch"]) == [ReplaceLoss]


def test_fewer_units_than_labels():
    s, out = classifier(classes=3)
    s.loss("cross_entropy", out)
    assert list(said(s.facts(target=labels(classes=5)))) == ["output-width-mismatch"]


def test_logistic_layers_whose_gradient_fades():
    s = Sketch()
    a = s.op("sigmoid", s.linear(s.input(32, 16), 16))
    b = s.op("sigmoid", s.linear(a, 16))
    s.loss("cross_entropy", s.linear(b, 4))
    fading = said(s.facts(target=labels(classes=4), probe=probe((a, 0.1, 0.01), (b, 0.05, 1.0))))
    assert list(fading) == ["saturating-hidden-activation"]
    unreached = said(s.facts(target=labels(classes=4), probe=probe((a, 0.1, 0.0), (b, 0.001, 0.0))))
    assert list(unreached) == ["saturating-hidden-activation"]


def two_heads(**second):
    s = Sketch()
    hidden = s.op("relu", s.linear(s.input(32, 8), 16))
    logits, where = s.linear(hidden, 5), s.op("sigmoid", s.linear(hidden, 2))
    s.returns(logits, where)
    s.loss("cross_entropy", logits, compares=labels(classes=5))
    s.loss("mse", where, **second)
    return said(s.facts(target=labels(classes=5)))


def test_a_loss_is_judged_by_its_own_target():
    assert two_heads(compares=values((32, 2), 0.0, 1.0)) == {}
    assert two_heads() == {}
    assert list(two_heads(compares=values((32, 2), -3.0, 3.0))) == ["bounded-regression-output"]
