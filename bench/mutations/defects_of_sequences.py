"""Defects of recurrent networks, attention and padded sequences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .program import Mutant, Program, keyword
from .registry import BUILT, LOSS_LINES, defect, inside_forward, swapped


@defect
def single_layer_rnn_dropout(program: Program) -> Iterator[Mutant]:
    """Dropout of a recurrent net with one layer."""
    for call in program.calls("LSTM", "GRU", "RNN"):
        if keyword(call, "num_layers") is None and keyword(call, "dropout") is None and len(call.args) == 2:
            base = program.source(call)[:-1]
            ways = [f"{base}, {rest})" for rest in ("dropout=0.3", "num_layers=1, dropout=0.5", "dropout=0.1")]
            yield from swapped(program, "single-layer-rnn-dropout", call, ways)
            return


@defect
def batch_axis_taken_as_time(program: Program) -> Iterator[Mutant]:
    """`batch_first=True` is left out."""
    if program.uses("pack_padded"):
        return
    for call in program.calls("LSTM", "GRU", "MultiheadAttention", "TransformerEncoderLayer"):
        if keyword(call, "batch_first") is not None:
            source = program.source(call)
            ways = (source.replace(", batch_first=True", ""), source.replace("first=True", "first=False"))
            if not program.uses("key_padding_mask") and not program.uses(r"last\[-1\]"):
                yield from swapped(program, "batch-axis-taken-as-time", call, ways, r"^class |self\.\w+\(")
            return


@defect
def attention_dropout_at_inference(program: Program) -> Iterator[Mutant]:
    """Attention drops in use as well."""
    for call in program.calls("scaled_dot_product_attention"):
        given = keyword(call, "dropout_p")
        if given is not None:
            yield from swapped(program, "attention-dropout-at-inference", given.value, ("self.dropout", "0.2", "0.5"))


@defect
def future_token_leak(program: Program) -> Iterator[Mutant]:
    """No causal mask."""
    for call in program.calls("scaled_dot_product_attention"):
        given = keyword(call, "is_causal")
        if given is not None:
            pattern = r"^class |self\.attention\(|" + LOSS_LINES
            source = program.source(call)
            ways = (source.replace("=True", "=False"), re.sub(r",\s*is_causal=True", "", source))
            yield from swapped(program, "future-token-leak", call, ways, pattern)


@defect
def padding_counted_in_loss(program: Program) -> Iterator[Mutant]:
    """The padding is learned as well."""
    for call in program.calls("CrossEntropyLoss"):
        if keyword(call, "ignore_index") is not None:
            ways = (
                "nn.CrossEntropyLoss()",
                "nn.CrossEntropyLoss(label_smoothing=0.1)",
                'nn.CrossEntropyLoss(reduction="mean")',
            )
            yield from swapped(program, "padding-counted-in-loss", call, ways, LOSS_LINES)


@defect
def last_step_is_padding(program: Program) -> Iterator[Mutant]:
    """The last step of padded rows is read."""
    for node in program.statements(r"out\[torch\.arange"):
        ways = ("last = out[:, -1]", "last = out[:, -1, :]", "last = out.select(1, -1)")
        yield from swapped(program, "last-step-is-padding", node, ways, BUILT + r"|self\.lstm\(")


@defect
def inverted_padding_mask(program: Program) -> Iterator[Mutant]:
    """What is padding is read, and nothing else."""
    for call in program.calls("attention"):
        given = keyword(call, "key_padding_mask")
        if given is not None and inside_forward(program, call):
            yield from swapped(
                program,
                "inverted-padding-mask",
                given.value,
                ("~hidden", "votes != PAD", "votes > 0"),
                r"^class |hidden|self\.attention\(",
            )
