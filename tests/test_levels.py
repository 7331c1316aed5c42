"""Levels follow from evidence by the rule that `nnlint/levels.py` states, whatever anybody thinks of the advice."""

import json
from dataclasses import replace

import pytest

from nnlint.levels import PAIR, earn, pool, settled
from nnlint.registry import load


def task(effect, error=0.005, *, name="segment_dense", verdict=None, added=0, **changes):
    """What evidence holds of one task: an accuracy on 400 rows, at both rates."""
    reach = 3.0 * error
    interval = None if effect is None else [effect - reach, effect + reach]
    word = verdict or ("helps" if effect - reach > 0 else "hurts" if effect + reach < 0 else "undecided")
    measured = {"effect": effect, "error": error, "interval": interval, "verdict": word, "failures": {"added": added}}
    return {"task": name, "metric": "accuracy", "rows": 400, "your_rate": measured, "best_rate": measured, **changes}


def evidence(*tasks, complete=True):
    return {"pair": "digest", "complete": complete, "tasks": [task(0.5, name=PAIR), *tasks]}


def test_a_gain_on_every_task_carries_a_warning():
    earned = earn("warning", evidence(task(0.03), task(0.10), task(0.02)))
    assert (earned.level, earned.preview) == ("warning", False)
    assert earned.gain.low > 0
    assert earned.gain.tasks == 3


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ((task(0.0), task(0.001), task(-0.001)), "no gain over all tasks"),
        ((task(0.2), task(0.2), task(-0.08, name="digits_convnet")), "digits_convnet"),
        ((task(0.2), task(0.2), task(0.2, added=1, name="vowels_gru")), "vowels_gru"),
        ((task(0.2), task(0.2), task(0.0, 0.02, name="too_wide")), "too_wide"),
        ((task(0.2), task(0.2), task(0.1), {"task": "broken", "crashed": True}), "broken"),
    ],
    ids=["nothing", "one hurts", "one fails", "one unknown", "one crashes"],
)
def test_what_does_not_carry_a_warning_makes_it_advice(tasks, why):
    earned = earn("warning", evidence(*tasks))
    assert (earned.level, earned.preview) == ("advice", False)
    assert why in earned.why


def test_nothing_lowers_an_error_and_nothing_raises_advice():
    bad, good = evidence(*[task(-0.2)] * 3), evidence(*[task(0.2)] * 3)
    assert earn("error", bad).level == "error"
    assert earn("advice", good).level == "advice"
    assert earn("experiment", good).level == "experiment"
    assert not earn("error", bad).preview


def test_too_little_evidence_leaves_a_preview():
    three = [task(0.2)] * 3
    assert earn("warning", evidence(*three), matches=False).preview
    assert earn("warning", evidence(*three, complete=False)).preview
    few = earn("warning", evidence(*three[:2]))
    assert (few.level, few.preview) == ("warning", True)


def test_only_what_was_tuned_on_both_sides_counts():
    at_its_rate = task(0.2)["your_rate"]
    tasks = [task(0.0, your_rate=at_its_rate) for _ in range(3)]
    assert earn("warning", evidence(*tasks)).level == "advice"
    sets_the_rate = [task(0.2, best_rate=None) for _ in range(3)]
    assert earn("warning", evidence(*sets_the_rate)).level == "warning"


def test_failures_that_go_away_carry_a_warning():
    cured = [task(None, verdict="helps") for _ in range(3)]
    assert earn("warning", evidence(*cured)).level == "warning"
    assert earn("warning", evidence(*cured[:2], task(None, verdict="undecided"))).level == "advice"


def test_tasks_that_differ_widen_the_interval():
    alike, apart = pool([(10, 1)] * 3), pool([(1, 1), (10, 1), (19, 1)])
    assert alike.mean == apart.mean == 10
    assert (alike.between, round(apart.between, 1)) == (0, 8.9)
    assert apart.low < 0 < alike.low


def test_a_fix_that_does_nothing_earns_no_level():
    """Simulated studies of a null fix over three tasks, stopping early as real ones do: at most one in twenty."""
    numpy = pytest.importorskip("numpy")
    pytest.importorskip("scipy")
    from nnlint.trainer.statistics import LOOKS
    from nnlint.trainer.verdict import Metric, Pair, judge

    draw, metric = numpy.random.default_rng(3), Metric(name="accuracy", rows=400)

    def simulated():
        scores = draw.normal(0.9, 0.01, (LOOKS[-1], 2)).round(4)
        pairs = [Pair(seed, before, after) for seed, (before, after) in enumerate(scores)]
        for look in LOOKS:
            verdict = judge("null", pairs[:look], metric, final=False)
            if verdict.word != "undecided":
                break
        mean = sum(after - before for before, after in scores[: verdict.seeds]) / verdict.seeds
        return task(mean, verdict.error, verdict=verdict.word)

    earned = [earn("warning", evidence(*(simulated() for _ in range(3)))).level for _ in range(50)]
    assert earned.count("warning") <= 6  # the upper 97.5 % bound of 5 % of 50


def test_rules_are_loaded_at_the_level_that_their_evidence_carries(tmp_path):
    known = next(rule for rule in load() if rule.name == "linear-after-linear")
    copy = tmp_path / "linear_after_linear.py"
    for side in ("bad", "good"):
        copy.with_suffix(f".{side}.py").write_text(known.pair(side).read_text())
    proposed = replace(known, path=copy, level="warning", preview=True)
    assert settled(proposed) == proposed
    nothing = evidence(*[task(0.0)] * 3) | {"pair": proposed.pair_digest}
    copy.with_suffix(".evidence.json").write_text(json.dumps(nothing))
    assert (settled(proposed).level, settled(proposed).preview) == ("advice", False)
