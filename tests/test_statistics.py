"""The statistics of `confirm`, by simulation: what they promise is how often they are wrong."""

import pytest

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")

from nnlint.trainer import statistics  # noqa: E402
from nnlint.trainer.verdict import Metric, Pair, Verdict, correct, judge  # noqa: E402

ERROR = Metric(name="error", rows=200)
ACCURACY = Metric(name="accuracy", rows=200)


def study(pairs, metric):
    """Run a study to the end as the trainer does: stop at the first look with a word."""
    verdict = None
    for n in statistics.LOOKS:
        verdict = judge("fix", pairs[:n], metric, final=False)
        if verdict.word != "undecided":
            break
    return verdict


def upper_bound(hits, of):
    """Return the upper 95 % bound of a rate."""
    return float(stats.binomtest(hits, of).proportion_ci(0.90, "exact").high)


def normal_pairs(rng, effect, count=16, failing=(0.0, 0.0)):
    """Return pairs of errors whose difference has standard deviation 1 and mean `effect` for the better."""
    before = rng.normal(10, 2**-0.5, count)
    after = rng.normal(10 - effect, 2**-0.5, count)
    dead = rng.random((2, count)) < np.array(failing)[:, None]
    return [
        Pair(i, None if dead[0, i] else float(before[i]), None if dead[1, i] else float(after[i]))
        for i in range(count)
    ]  # fmt: skip


def rates(runs, draw, metric, words=("helps", "hurts")):
    found = [study(draw(), metric).word for _ in range(runs)]
    return sum(word in words for word in found)


def crossing(d):
    """Return at which look (from 0) each study in the rows of `d` stops, -1 for never; judged as `judge` does."""
    first = np.full(len(d), -1)
    for stage, n in reversed(list(enumerate(statistics.LOOKS))):
        t = d[:, :n].mean(1) / (d[:, :n].std(1, ddof=1) / n**0.5)
        first[2 * stats.t.sf(abs(t), n - 1) <= statistics.NOMINAL] = stage
    return first


def test_a_true_null_is_rejected_in_five_percent():
    d = np.random.default_rng(1).normal(0, 1, (40_000, 16))
    assert upper_bound(int((crossing(d) >= 0).sum()), len(d)) < 0.054


def test_power_at_one_standard_deviation():
    d = np.random.default_rng(2).normal(1, 1, (10_000, 16))
    assert (crossing(d) >= 0).mean() >= 0.85


def test_program_against_itself():
    rng = np.random.default_rng(3)
    hits = rates(2000, lambda: normal_pairs(rng, 0.0), ERROR)
    assert upper_bound(hits, 2000) <= 0.065


def test_program_against_itself_with_coarse_accuracies():
    rng = np.random.default_rng(4)
    few = Metric(name="accuracy", rows=40)

    def draw():
        right = rng.binomial(40, 0.93, (16, 2)) / 40
        return [Pair(i, float(a), float(b)) for i, (a, b) in enumerate(right)]

    assert upper_bound(rates(2000, draw, few), 2000) <= 0.065


def test_program_against_itself_where_a_third_of_the_runs_fail():
    rng = np.random.default_rng(5)
    hits = rates(2000, lambda: normal_pairs(rng, 0.0, failing=(0.3, 0.3)), ERROR)
    assert upper_bound(hits, 2000) <= 0.065


def test_a_change_that_adds_failures_never_helps():
    rng = np.random.default_rng(6)
    for _ in range(200):
        pairs = normal_pairs(rng, 3.0, failing=(0.0, 0.2))
        verdict = study(pairs, ERROR)
        if any(p.after is None for p in pairs[: verdict.seeds]):
            assert verdict.word != "helps"


def test_a_change_that_prevents_failures_helps():
    pairs = [Pair(i, None if i % 4 else 1.0, 1.0) for i in range(16)]
    assert study(pairs, ERROR).word == "helps"
    assert study([Pair(i, None, 0.9) for i in range(16)], ACCURACY).word == "helps"
    assert study([Pair(i, 0.9, None) for i in range(16)], ACCURACY).word == "hurts"


@pytest.mark.parametrize("effect", [0.0, 0.5, 1.0, 2.0])
def test_interval_covers_the_effect(effect):
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(400):
        d = rng.normal(effect, 1, 16)
        stage = int(crossing(d[None])[0])
        looks = statistics.LOOKS[: stage + 1] if stage >= 0 else statistics.LOOKS
        result = statistics.compare(d, looks)
        low, high = result.interval
        covered.append(low <= effect <= high)
    assert np.mean(covered) > 0.92  # 0.95 less two standard errors


def test_estimate_does_not_flatter_an_early_stop():
    rng = np.random.default_rng(8)
    plain, adjusted = [], []
    for _ in range(400):
        d = rng.normal(0.5, 1, 16)
        stage = int(crossing(d[None])[0])
        if stage > 0:
            result = statistics.compare(d, statistics.LOOKS[: stage + 1])
            plain.append(result.mean)
            adjusted.append(result.estimate())
    assert abs(np.median(adjusted) - 0.5) < abs(np.median(plain) - 0.5)


def test_same_pairs_give_the_same_figures():
    d = np.random.default_rng(9).normal(0.3, 1, 16)
    first, second = (statistics.compare(d, (3, 5, 8)) for _ in range(2))
    assert (first.estimate(), first.p) == (second.estimate(), second.p)


def test_identical_runs_are_no_difference():
    verdict = study([Pair(i, 0.5 + i / 100, 0.5 + i / 100) for i in range(16)], ACCURACY)
    assert (verdict.word, verdict.identical, verdict.seeds) == ("no difference", True, 3)


def test_the_same_gain_in_every_run_is_a_gain():
    verdict = study([Pair(i, 0.5, 1.0) for i in range(16)], ACCURACY)
    assert verdict.word == "helps"
    assert verdict.interval[0] > 0.4


def test_one_row_more_in_every_run_is_not_a_gain():
    few = Metric(name="accuracy", rows=10)
    assert study([Pair(i, 0.5, 0.6) for i in range(3)], few).word == "undecided"


def test_a_small_effect_known_well_is_no_difference():
    rng = np.random.default_rng(10)
    pairs = [Pair(i, 0.9, 0.9 + float(d)) for i, d in enumerate(rng.normal(0.001, 0.002, 16))]
    assert study(pairs, ACCURACY).word == "no difference"


def test_lower_error_helps_and_higher_hurts():
    rng = np.random.default_rng(11)
    gain = normal_pairs(rng, 4.0)
    assert study(gain, ERROR).word == "helps"
    assert study([Pair(p.seed, p.after, p.before) for p in gain], ERROR).word == "hurts"


def test_mcnemar_is_exact():
    assert statistics.mcnemar(0, 0) == 1.0
    assert statistics.mcnemar(5, 0) == pytest.approx(2 * 0.5**5)
    assert statistics.mcnemar(0, 5) == statistics.mcnemar(5, 0)
    assert statistics.mcnemar(3, 3) == 1.0


def test_several_findings_keep_the_false_discovery_rate():
    assert statistics.survives([0.01, 0.04, 0.2]) == [True, False, False]
    assert statistics.survives([0.01, 0.03, 0.04]) == [True, True, True]
    assert statistics.survives([]) == []


def test_a_gain_that_drowns_among_findings_is_taken_back():
    one = Verdict(name="one", word="helps", p=0.04, metric=ERROR)
    others = [Verdict(name=str(i), word="undecided", p=0.5, metric=ERROR) for i in range(4)]
    unlike = Verdict(name="unlike", word="not confirmed")
    corrected = correct([one, *others, unlike])
    assert corrected[0].word == "undecided"
    assert "among 5 findings" in corrected[0].reason
    assert corrected[-1] == unlike
    assert correct([one])[0].word == "helps"


def test_too_few_pairs_are_undecided():
    assert judge("fix", [Pair(0, 0.1, 0.9)], ACCURACY).word == "undecided"
    with pytest.raises(ValueError, match="2 pairs"):
        statistics.compare([0.1, 0.2], [2])
