"""The loss is added up, or kept, with its whole graph.

Why is this bad?
    `total += loss` keeps a tensor that remembers how it was computed: every batch's graph, with all its intermediate
    values, stays in memory until the sum is let go of. Memory grows with every step, and long epochs end in
    out-of-memory errors.

When is it fine?
    Sums of losses on which `backward()` is called, values under `no_grad`, and values that are let go of by `.item()`,
    `.detach()` or `float()`.

Fix safety
    Unsafe: `.detach()` keeps a tensor without its graph, so that what reads the sum goes on working; only its
    `backward()` would fail.

References
    PyTorch: Frequently Asked Questions, My model reports "cuda runtime error(2): out of memory".
"""

from nnlint.facts import Loop, Sum
from nnlint.finding import Finding
from nnlint.fix import replace_expression
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def loss_tensor_kept(loop: Loop) -> list[Finding]:
    """Report sums and lists of losses that hold graphs."""
    return [_finding(one) for one in loop.sums if not one.detached]


def _finding(one: Sum) -> Finding:
    where = f"`{one.name}`" if one.name else "a sum"
    return Finding(
        at=one.span,
        says=f"{where} keeps the graph of every loss that goes into it",
        label="memory grows with every step",
        why="all intermediate values of each batch stay in memory as long as 1 of these losses is kept",
        fixes=[
            replace_expression(one.value, "{self}.detach()", title="let go of the graph"),
            replace_expression(
                one.value, "{self}.item()", title="keep a plain number", changes="what is kept is no tensor any more"
            ),
        ],
    )
