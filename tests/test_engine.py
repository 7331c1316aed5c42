"""The engine: subscriptions, unknown facts, levels, folding, order."""

from __future__ import annotations

import pytest
from test_facts import chain, facts_of

from nnlint.engine import check
from nnlint.facts import Data, Layer, Loss, Missing, Model, Optimizer, Output, Recipe, Span
from nnlint.finding import Finding
from nnlint.rule import Rule


def rule_of(check, name: str = "some-rule", level: str = "error") -> Rule:
    return Rule(check=check, level=level, since="0.1", name=name, family="wiring")


def at_line(line: int, **more: object) -> Finding:
    return Finding(at=Span(path="a.py", line=line), says=f"line {line}", **more)


FACTS = facts_of(chain("linear", "relu", "linear"))


def test_a_rule_is_called_once_for_each_part_it_subscribes_to():
    seen = []

    def some(layer: Layer, model: Model) -> None:
        seen.append((layer.op, model.name))

    assert check(FACTS, [rule_of(some)]).findings == ()
    assert seen == [("linear", "Net"), ("relu", "Net"), ("linear", "Net")]


@pytest.mark.parametrize(
    ("facts", "needs"), [(FACTS, "recipe"), (FACTS.model_copy(update={"recipe": Recipe()}), "recipe.optimizers")]
)
def test_a_missing_part_is_said_and_not_guessed(facts, needs):
    def some(optimizer: Optimizer) -> Finding:
        raise AssertionError("must not be called")

    (gap,) = check(facts, [rule_of(some)]).not_checked
    assert (gap.rule, gap.needs, gap.subject) == ("some-rule", needs, "s")


def test_an_unknown_ends_one_call_and_keeps_what_was_yielded():
    def some(model: Model, data: Data):
        yield at_line(1)
        _ = data.samples
        yield at_line(2)

    checked = check(FACTS.model_copy(update={"data": Data(samples=Missing("streamed"))}), [rule_of(some)])
    assert [f.says for f in checked.findings] == ["line 1"]
    assert [gap.needs for gap in checked.not_checked] == ["data.samples"]


def test_a_finding_may_be_weaker_than_its_rule_but_not_stronger():
    def weak(model: Model) -> Finding:
        return at_line(1, level="advice")

    def strong(model: Model) -> Finding:
        return at_line(2, level="error")

    checked = check(FACTS, [rule_of(weak, "weak"), rule_of(strong, "strong", "warning")])
    assert [(f.rule, f.level) for f in checked.findings] == [("weak", "advice"), ("strong", "warning")]


def test_an_output_meets_only_the_loss_that_reads_it():
    seen = []

    def some(output: Output, loss: Loss) -> None:
        seen.append((output.node.id, loss.kind))

    losses = (Loss(kind="mse", reads=(1,)), Loss(kind="l1", reads=(3,)))
    check(FACTS.model_copy(update={"recipe": Recipe(losses=losses)}), [rule_of(some)])
    assert seen == [(1, "mse"), (3, "l1")]


def test_what_follows_is_folded_into_its_cause_also_in_a_chain_and_never_in_a_circle():
    def a(model: Model) -> Finding:
        return at_line(3, explains=("b",))

    def b(model: Model) -> Finding:
        return at_line(2, explains=("c", "a"))

    def c(model: Model) -> Finding:
        return at_line(1)

    rules = [rule_of(a, "a"), rule_of(b, "b"), rule_of(c, "c")]
    (kept,) = check(FACTS, rules).findings
    assert set(kept.also_explains) == {"a", "b", "c"} - {kept.rule}


def test_order_follows_the_source_and_not_the_rules():
    def late(model: Model) -> Finding:
        return at_line(9)

    def early(model: Model) -> Finding:
        return at_line(2)

    rules = [rule_of(late, "late"), rule_of(early, "early")]
    assert check(FACTS, rules).findings == check(FACTS, rules[::-1]).findings
    assert [f.rule for f in check(FACTS, rules).findings] == ["early", "late"]


def test_a_layer_called_twice_is_reported_once():
    def some(layer: Layer) -> Finding | None:
        return at_line(4) if layer.op == "linear" else None

    assert len(check(FACTS, [rule_of(some)]).findings) == 1
