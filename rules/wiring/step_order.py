"""The calls of a training step stand in the wrong order.

Why is this bad?
    Gradients that are cleared between `backward()` and `step()` are gone before they are used: nothing is trained.
    Clipping behind the step changes gradients that nobody reads any more, and clipping before a gradient scaler's
    `unscale_` compares gradients that are some 65,536 times too large with the limit.

When is it fine?
    Clearing after the step, or before the backward pass; several optimizers that take turns.

Fix safety
    Unsafe: training takes another course, which is the purpose.

References
    PyTorch: `torch.optim`, Taking an optimization step; Automatic Mixed Precision examples.
"""

from nnlint.facts import Call, Loop
from nnlint.finding import Finding
from nnlint.fix import move_statement
from nnlint.rule import rule

CLIPS = ("clip_norm", "clip_value")


@rule(level="error", since="0.1")
def step_order(loop: Loop) -> Finding | None:
    """Report gradients that are cleared before they are used, and clipped after."""
    turn = [call for call in loop.calls if call.span is not None]
    return _cleared_too_soon(turn) or _clipped_too_late(turn) or _clipped_scaled(turn)


def _cleared_too_soon(turn: list[Call]) -> Finding | None:
    for i, step in enumerate(turn):
        before = turn[:i]
        backward = next((k for k in reversed(range(i)) if before[k].kind == "backward"), None)
        if step.kind != "step" or step.conditional or backward is None or before[backward].conditional:
            continue
        cleared = [c for c in before[backward + 1 :] if c.kind == "zero_grad" and _same(c, step, turn)]
        if cleared and not cleared[0].conditional:
            return _finding(
                cleared[0],
                before[backward],
                "the gradients are cleared before the optimizer uses them",
                "clears what was just computed",
                {step: "finds no gradient"},
                "each step sees gradients of 0 or none, so nothing is trained",
                "clear them before the backward pass",
            )
    return None


def _clipped_too_late(turn: list[Call]) -> Finding | None:
    steps = [i for i, call in enumerate(turn) if call.kind == "step"]
    clips = [i for i, call in enumerate(turn) if call.kind in CLIPS]
    if len(steps) != 1 or not clips or clips[0] < steps[0] or any(c.conditional for c in turn if c.kind in CLIPS):
        return None
    if any(call.kind == "backward" for call in turn[steps[0] :]):
        return None
    return _finding(
        turn[clips[0]],
        turn[steps[0]],
        "the gradients are clipped after the optimizer used them",
        "clips what nobody reads any more",
        {turn[steps[0]]: "has used them as they were"},
        "a gradient of any size goes into the step, as with 0 clipping",
        "clip before the step",
    )


def _clipped_scaled(turn: list[Call]) -> Finding | None:
    unscales = [i for i, call in enumerate(turn) if call.kind == "unscale"]
    clips = [i for i, call in enumerate(turn) if call.kind in CLIPS]
    if len(unscales) != 1 or len(clips) != 1 or clips[0] > unscales[0]:
        return None
    if any(call.kind in ("backward", "step") for call in turn[clips[0] : unscales[0]]):
        return None
    return _finding(
        turn[clips[0]],
        turn[unscales[0]],
        "the gradients are clipped before they are unscaled",
        "compares scaled gradients with the limit",
        {turn[unscales[0]]: "divides by the scale"},
        "a gradient scaler starts with a scale of 65,536, so that every gradient is clipped",
        "clip behind `unscale_`",
        where="after",
    )


def _same(cleared: Call, step: Call, turn: list[Call]) -> bool:
    """Whether what is cleared is what is stepped: the same optimizer, or there is one alone."""
    return cleared.on == step.on or len({c.on for c in turn if c.kind == "step"}) == 1


def _finding(
    call: Call, to: Call, says: str, label: str, also: dict[Call, str], why: str, title: str, where: str = "before"
) -> Finding:
    assert call.span
    assert to.span
    return Finding(
        at=call.span,
        says=says,
        label=label,
        also={other.span: words for other, words in also.items() if other.span},
        why=why,
        fixes=[move_statement(call.span, to.span, where=where, title=title)],  # type: ignore[arg-type]
    )
