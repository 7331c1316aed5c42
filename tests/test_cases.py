"""Each rule finds its defect however it is spelled, and leaves what only looks like it alone.

The programs stand in `tests/cases`; each runs in this process for three steps.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from case_files import Case, cases, counted  # noqa: E402
from test_rules_data import FAULTY as DATA_FAULTY  # noqa: E402
from test_rules_data import SOUND as DATA_SOUND  # noqa: E402
from test_rules_recipe import FAULTS as RECIPE_FAULTS  # noqa: E402
from test_rules_recipe import SOUND as RECIPE_SOUND  # noqa: E402

from nnlint.engine import check  # noqa: E402
from nnlint.facts import Facts  # noqa: E402
from nnlint.finding import Finding  # noqa: E402
from nnlint.inspection.merge import merged  # noqa: E402
from nnlint.registry import load  # noqa: E402
from nnlint.rule import Rule  # noqa: E402
from nnlint.source.discover import outline  # noqa: E402
from nnlint.worker.job import run  # noqa: E402

CASES = cases()
ENOUGH = 3
FEWER: frozenset[str] = frozenset(
    """
    accumulation-undivided activation-off-goal adam-without-nesterov adaptive-optimizer-on-convnet
    attention-dropout-at-inference batch-axis-taken-as-time batch-mixed-by-reshape batchnorm-batch-of-one
    batchnorm-momentum-inverted best-weights-not-kept bias-before-norm broken-data capacity-mismatch
    checkpoint-not-loaded checkpoint-without-optimizer class-axis-scrambled class-imbalance clip-by-value
    constant-learning-rate constant-output coupled-weight-decay dead-relu decayed-norms-and-biases
    deep-net-without-normalization default-learning-rate dense-only-image-model dropout-at-inference
    dropout-before-batchnorm dropout-on-output dropout-rate-inverted dropout-rate-off-kind dropout-rate-out-of-range
    exploding-gradient few-epochs fitted-before-split forward-called-directly future-token-leak
    half-precision-weights ignored-input init-mismatched-to-activation initial-loss-off input-width-mismatch
    inverted-padding-mask kernel-beyond-map kl-div-on-probabilities large-batch last-step-is-padding
    layernorm-under-sigmoid learning-rate-out-of-range linear-after-linear logits-thresholded-at-half
    missing-zero-grad momentum-out-of-range momentum-without-nesterov narrow-hidden-layer no-gradient
    norm-after-output optimizer-recreated-each-step outlier-sensitive-loss output-width-mismatch
    overridden-module-method oversized-activations padding-counted-in-loss plain-dropout-after-selu
    plateau-without-metric redundant-regularizers relu-before-loss repeated-activation reused-batchnorm
    rnn-without-clipping saturating-hidden-activation scheduler-before-optimizer selu-not-self-normalizing
    sgd-without-momentum shrunk-to-nothing single-layer-rnn-dropout slow-optimizer softmax-before-cross-entropy
    softmax-loss-mismatch softmax-over-wrong-dim state-dict-by-reference swa-without-bn-update symmetric-init
    uncompounded-scaling unoptimized-parameters unregistered-submodule unscaled-features unscaled-target
    unseeded-run unshuffled-training-data unused-parameters unusual-hidden-depth vae-loss-scales-mixed
    vanishing-gradient weight-averaging-untried width-before-depth
    """.split()
)
"""Rules with fewer programs, until somebody writes them."""


@functools.cache
def rules() -> list[Rule]:
    return load()


def findings(case: Case, folder: Path) -> Iterator[Finding]:
    """Yield what all rules say of a program; one that follows from another is not among it."""
    path = folder / "train.py"
    path.write_text(case.text)
    read = outline(path, case.text)
    wanted = [{"expression": c.expression, "how": c.how, "input": list(c.input), "span": None} for c in read.candidates]
    job = {"path": str(path), "root": str(folder), "timeout": 60, "epochs": None, "candidates": wanted}
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        answer = run(job)
    facts = merged(read, [Facts.model_validate(subject) for subject in answer["subjects"]])
    assert facts, answer["problems"]
    for one in facts:
        yield from check(one, rules()).findings


@pytest.mark.parametrize("case", CASES, ids=[f"{case.theme}: {case.title}" for case in CASES])
def test_program(case: Case, tmp_path: Path) -> None:
    said = list(findings(case, tmp_path))
    places = {(f.rule, f.span.line if f.span else 0) for f in said}
    loud = {(f.rule, f.span.line if f.span else 0): f.says for f in said if f.level in ("error", "warning")}
    assert case.marked <= places, f"not found; said was {sorted(places)}"
    assert {place: text for place, text in loud.items() if place not in case.marked} == {}
    assert {(f.rule, f.says) for f in said if f.rule in case.leaves} == set()


def test_every_case_is_one_of_a_rule() -> None:
    names = {rule.name for rule in rules()}
    speaks, leaves = counted(CASES)
    assert not (speaks.keys() | leaves.keys()) - names


def test_every_rule_has_three_programs_of_each_kind() -> None:
    speaks, leaves = counted(CASES)
    speaks.update({name: len(table) for name, table in DATA_FAULTY.items()})
    leaves.update({name: len(table) for name, table in DATA_SOUND.items()})
    speaks.update(name for name, *_ in RECIPE_FAULTS)
    leaves.update(name for name, _ in RECIPE_SOUND)
    fewer = {rule.name for rule in rules() if speaks[rule.name] < ENOUGH or leaves[rule.name] < ENOUGH}
    assert fewer == FEWER, {name: (speaks[name], leaves[name]) for name in sorted(fewer ^ FEWER)}
