"""A loss stretches predictions and targets of different shapes against each other.

Why is this bad?
    A column of N predictions and a row of N targets are broadcast to N x N: every prediction is compared with every
    target of the batch. The best answer is then the same for all samples, the mean of the targets.

When is it fine?
    Axes added on purpose for all pairs (`None`, `unsqueeze`, `[:, None]`), a batch of one, and shapes that only differ
    in an axis along which one side really is the same (a mask, a weight, several quantiles).

Fix safety
    Unsafe: another loss, which is the purpose.

References
    PyTorch: `torch.nn.MSELoss`, which warns of target sizes that differ from the input's.
"""

from nnlint.facts import Data, Output
from nnlint.finding import Finding
from nnlint.fix import Fix, change_argument
from nnlint.rule import rule

ELEMENTWISE = {"mse", "l1", "smooth_l1", "huber", "poisson_nll", "kl_div", "soft_margin", "gaussian_nll"}
ON_PURPOSE = {"unsqueeze", "getitem", "expand"}


@rule(level="error", since="0.1")
def loss_broadcast(output: Output, data: Data) -> Finding | None:
    """Report a column of predictions compared with a row of targets, or the reverse."""
    if output.loss.kind not in ELEMENTWISE:
        return None
    seen, wanted = output.node.shape, data.target.shape
    if not (_stretched(seen, wanted) or _stretched(wanted, seen)):
        return None
    readers = [node for node in output.graph.readers(output.node) if node.module is None]
    sources = [source for node in readers for source in output.graph.sources(node)]
    if any(source.op in ON_PURPOSE and source.module is None for source in sources):
        return None
    rows = seen[0]
    fixes = _fixes(output, seen, wanted)
    return Finding(
        at=output.loss.call or output.loss,
        says=f"predictions of shape {_shown(seen)} are compared with targets of shape {_shown(wanted)}",
        label=f"broadcast to {rows} x {rows}" if len(seen) + len(wanted) == 3 else "broadcast against each other",
        why=f"each of the {rows} predictions is compared with all {rows} targets of the batch, so that the mean of the "
        "targets is the best answer to every input",
        help="" if fixes else "give both the same shape",
        fixes=fixes,
    )


def _stretched(longer: tuple[int, ...], shorter: tuple[int, ...]) -> bool:
    """Whether `longer` is `shorter` with one more axis of length 1 behind, and broadcasting makes more of both."""
    return longer == (*shorter, 1) and len(shorter) > 0 and shorter[0] > 1


def _shown(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def _fixes(output: Output, seen: tuple[int, ...], wanted: tuple[int, ...]) -> list[Fix]:
    """Take the last axis off whichever side has it, in the call of the loss."""
    place = output.target_place
    if place is None or output.loss.call is None:
        return []
    what = "predictions" if len(seen) > len(wanted) else "targets"
    place = 1 - place if what == "predictions" else place
    return [
        change_argument(
            output.loss.call,
            ("input", "target")[place],
            f"{{}}.squeeze({max(len(seen), len(wanted)) - 1})",
            position=place,
            title=f"take the last axis off the {what}",
        )
    ]
