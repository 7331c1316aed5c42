"""`forward` is called directly.

Why is this bad?
    `net(x)` runs the hooks that are registered on a module, and then `forward`. `net.forward(x)` skips them: spectral
    and weight norm in their older form, profilers, quantization, DistributedDataParallel's synchronization and every
    tool that listens see nothing of the call.

When is it fine?
    Where no hook is there today. A call of the base class's `forward` by `super()` is no such call. It is advice.

Fix safety
    Unsafe: hooks that were skipped run.

References
    PyTorch: `torch.nn.Module.forward`.
"""

from nnlint.facts import Loop
from nnlint.finding import Finding
from nnlint.fix import replace_expression
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def forward_called_directly(loop: Loop) -> list[Finding]:
    """Report calls of a model's `forward` method."""
    return [
        Finding(
            at=span,
            says="`forward` is called directly, past the module's hooks",
            why="hooks run in the call of the module, 0 of them in `forward`",
            fixes=[replace_expression(span, "{owner}({args})", title="call the module itself")],
        )
        for span in loop.forward_calls
    ]
