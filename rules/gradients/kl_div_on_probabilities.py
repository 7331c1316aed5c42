"""`KLDivLoss` reads something that is no log-probability.

Why is this bad?
    The first argument of `KLDivLoss` is a logarithm. On probabilities the result is no divergence: it can be negative,
    and of two equal distributions it is not 0 (`kl_div(p, p)` came to -1.96). On plain scores it has no lowest value.

When is it fine?
    `log_softmax`, `logsigmoid`, a logarithm taken by hand, and log-probabilities made in any other way: only the
    direct output of a layer, a softmax or another activation is reported. The default reduction divides by all
    entries rather than by the samples, which is advice.

Fix safety
    Unsafe: another loss, which is the purpose.

References
    PyTorch: `torch.nn.KLDivLoss` ("the input is expected to be log-probabilities", `reduction="batchmean"`).
"""

from nnlint.facts import Output
from nnlint.facts.graph import CONVOLUTIONS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, insert_after, replace, set_argument
from nnlint.rule import rule

SCORES = CONVOLUTIONS | {"linear", "bilinear", "batch_norm", "layer_norm"}
OTHERS = {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "softplus"}
PROBABILITIES = {"softmax", "gumbel_softmax", "sigmoid"}


@rule(level="error", since="0.1")
def kl_div_on_probabilities(output: Output) -> Finding | None:
    """Report scores or probabilities that reach a Kullback-Leibler divergence."""
    made, call = output.made, output.call
    if output.loss.kind != "kl_div" or output.target_place != 1:
        return None
    if made.op in SCORES | OTHERS | PROBABILITIES:
        soft = made.op in PROBABILITIES
        return Finding(
            at=made,
            says=f"{output.loss.shown} receives {'probabilities' if soft else 'plain scores'}, not log-probabilities",
            label="no logarithm of a probability",
            also={output.loss: "takes log-probabilities"},
            why="of two equal distributions the loss is not 0, and it goes below"
            if soft
            else "the loss falls without end as the scores grow",
            help="" if _fixes(output) else "take the logarithm of the probabilities",
            fixes=_fixes(output),
        )
    wanted = output.graph.behind(output.graph[call.inputs[1]], VIEWS) if call is not None else None
    if wanted is not None and wanted.op == "log_softmax" and call and call.arguments.get("log_target") is False:
        return Finding(
            at=wanted,
            says=f"{output.loss.shown} compares with log-probabilities and takes them for probabilities",
            label="a logarithm already",
            also={output.loss: "takes probabilities here"},
            why="its targets are negative, so that the loss has no lowest value",
            help="" if output.loss.span else "say that the targets are logarithms with `log_target=True`",
            fixes=[set_argument(output.loss.span, "log_target", True, title="say that the targets are logarithms")]
            if output.loss.span
            else [],
        )
    if output.loss.reduction != "mean" or output.loss.span is None or made.op != "log_softmax":
        return None
    return Finding(
        at=output.loss,
        level="advice",
        says=f"{output.loss.shown} is averaged over classes as well as samples",
        why=f"it is {output.node.shape[-1]} times smaller than the divergence",
        fixes=[set_argument(output.loss.span, "reduction", "batchmean", title="average over the samples alone")],
    )


def _fixes(output: Output) -> list[Fix]:
    made = output.made
    if made.op in {"softmax", "gumbel_softmax"}:
        dim = made.arguments.get("dim", -1)
        return [replace(made, "log_softmax", title="take the logarithm of the softmax", dim=dim)]
    if made.op in SCORES and output.node.shape == made.shape and made.op == "linear":
        return [insert_after(made, "log_softmax", title="take a log-softmax", dim=-1)]
    return []
