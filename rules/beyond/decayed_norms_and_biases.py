"""Weight decay acts on norms and biases as well.

Why is this bad?
    Weight decay keeps weights small that multiply their input. The scale of a norm and a bias do no harm by being
    large; decay pulls the one away from 1 and the other to 0, in every step.

When is it fine?
    With a small decay the difference is small; many published recipes decay everything. It is advice, and only for
    models with norms, and a decay that was written out.

Fix safety
    Unsafe: training takes another course, and a saved state of the optimizer no longer fits. Parameters with one
    dimension are left out of decay.

References
    He et al.: Bag of Tricks for Image Classification, 2018.
"""

from nnlint.facts import Model, Optimizer, known
from nnlint.facts.graph import NORMS
from nnlint.finding import Finding
from nnlint.fix import Code, Fix, InsertStatement, SetArgument
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def decayed_norms_and_biases(model: Model, optimizer: Optimizer) -> Finding | None:
    """Report a weight decay that was written out and that acts on everything, norms included."""
    if optimizer.weight_decay == 0 or "weight_decay" not in optimizer.given or len(optimizer.groups) > 1:
        return None
    held = set(optimizer.parameters)
    scales = {name for node in model.graph if node.op in NORMS for name in node.parameters if name in held}
    decayed = [p for p in model.parameters if p.name in held and p.trainable and len(p.shape) <= 1]
    norms = [p for p in decayed if p.name in scales]
    if not norms:
        return None
    fixes = _fixes(optimizer)
    return Finding(
        at=optimizer,
        says=f"a weight decay of {optimizer.weight_decay:g} acts on {len(decayed)} norms and biases as well",
        why=f"it pulls `{norms[0].name}` and {len(decayed) - 1} others towards 0 in every step",
        help="" if fixes else "put what has one dimension into a group with a weight decay of 0",
        fixes=fixes,
    )


def _fixes(optimizer: Optimizer) -> list[Fix]:
    """Split the parameters by their number of dimensions, where they are written out at the optimizer."""
    params = known(lambda: optimizer.groups[0].params, None)
    if optimizer.span is None or params is None or not params.endswith(".parameters()"):
        return []
    lists = (
        f"decayed = [p for p in {params} if p.ndim > 1]\nundecayed = [p for p in {params} if p.ndim <= 1]"
    )  # fmt: skip
    groups = Code('[{"params": decayed}, {"params": undecayed, "weight_decay": 0.0}]')
    verbs = (
        InsertStatement(at=optimizer.span, text=lists),
        SetArgument(call=optimizer.span, name="params", value=groups, position=0),
    )
    return [Fix(title="decay only what has more than one dimension", verbs=verbs)]
