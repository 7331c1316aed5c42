"""The batch of the loader enters a recurrent layer or attention as time.

Why is this bad?
    Recurrent layers and attention take (time, batch, features) unless `batch_first=True` is said. Given (batch, time,
    features) they run over the samples of the batch: each sample's output depends on which others came before it, and
    its own steps never meet.

When is it fine?
    Data that really stand time first, and a single sequence as the batch.

Fix safety
    Unsafe: another function, which is the purpose.

References
    PyTorch: `torch.nn.LSTM`, `torch.nn.MultiheadAttention`, `batch_first`.
"""

from nnlint.facts import Data, Model, Node, Probe, Recipe
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule

OVER_TIME = {"rnn", "lstm", "gru", "multihead_attention"}


@rule(level="error", since="0.1")
def batch_axis_taken_as_time(probe: Probe, model: Model, data: Data, recipe: Recipe) -> Finding | None:
    """Report a layer that runs over the samples of the batch, and the counterexample."""
    mixes = probe.mixes
    if mixes is None or data.guessed:
        return None
    batch = data.features[0].shape[0]
    if batch != recipe.batch_size or data.target.shape[:1] != (batch,):
        return None
    layer = next((node for node in model.graph if _runs_over(node, batch)), None)
    if layer is None or (mixes.node is not None and mixes.node < layer.id):
        return None
    fixes = _fixes(layer)
    return Finding(
        at=layer,
        says=f"`{layer.name}` takes the {batch} samples of the batch for steps in time",
        label=f"reads ({', '.join(str(n) for n in layer.reads[0].shape)}) as (time, batch, features)",
        why=f"changing sample {mixes.changed} moves the output of sample {mixes.moved} by {mixes.by:.2g}",
        help="" if fixes else "say `batch_first=True` where the layer is built",
        explains=("batch-mixed-by-reshape",),
        fixes=fixes,
    )


def _runs_over(node: Node, batch: int) -> bool:
    shape = node.reads[0].shape if node.reads else ()
    first = node.arguments.get("batch_first")
    return node.op in OVER_TIME and first is False and len(shape) == 3 and shape[0] == batch and shape[1] != batch


def _fixes(layer: Node) -> list[Fix]:
    if layer.built is None or layer.kind != "layer":
        return []
    return [set_argument(layer.built, "batch_first", True, title="say that the batch stands first")]
