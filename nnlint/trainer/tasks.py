"""Built-in tasks for a model without data of its own: of the same shape, and said plainly.

A reference task whose rows have just this shape comes first (`reference.py`); else one is made to fit.

The data are those that scikit-learn installs (BSD licence; digits and iris, wine, breast cancer from UCI, CC BY 4.0;
diabetes of Efron et al.), or drawn by a recipe. Nothing is copied into nnlint.
A task is trained by a few lines behind the user's own: the study then sees a training script like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROWS = 1200
"""Rows of a task that is drawn by a recipe."""
EPOCHS = 20


class NoTask(Exception):
    """There is no task of this shape, with the reason in plain words."""


@dataclass(frozen=True)
class Task:
    """Inputs (rows first), a class and a number for each row, as numpy arrays."""

    name: str
    inputs: Any
    classes: Any
    numbers: Any


def task_for(specs: Sequence[str]) -> Task:
    """Return the task nearest to a model's input (`2x1x28x28:float32`, `8x16:int64[0,100)`). Raises NoTask."""
    if len(specs) != 1:
        raise NoTask("it has no data, and there is no built-in task for a model with several inputs")
    size, _, kind = specs[0].partition(":")
    try:
        shape = [int(n) for n in size.split("x")][1:]
    except ValueError:
        raise NoTask(f"it has no data, and its input {specs[0]} is not understood") from None
    if kind.startswith(("int", "long")) and len(shape) == 1:
        bound = kind.partition(",")[2].strip(") ]")
        return _tokens(shape[0], int(bound) if bound.isdigit() else 100)
    if len(shape) == 3:
        return _images(*shape)
    if len(shape) == 2:
        return _waves(*shape)
    if len(shape) == 1:
        return _flat_digits(shape[0]) if shape[0] in (64, 784, 1024) else _table(shape[0])
    raise NoTask(f"it has no data, and there is no built-in task for an input of {size}")


def driver(expression: str, task: Task, folder: Path) -> str:
    """Return the lines that train the model `expression` on `task`; its arrays are written into `folder`."""
    files = {}
    for name, kind in (("inputs", task.inputs.dtype.name), ("classes", "int64"), ("numbers", "float32")):
        array = getattr(task, name).astype(kind)
        path = folder / f"{name}.bin"
        path.write_bytes(array.tobytes())
        files[name] = (str(path), kind, tuple(array.shape))
    return _DRIVER.format(files=files, expression=expression, epochs=EPOCHS)


_DRIVER = """

def _nnlint_task():
    import torch
    from torch import nn

    def read(path, kind, shape):
        with open(path, "rb") as file:
            return torch.frombuffer(bytearray(file.read()), dtype=getattr(torch, kind)).reshape(shape)

    inputs, classes, numbers = (read(*file) for file in {files!r}.values())
    torch.manual_seed(0)
    model = {expression}
    with torch.no_grad():
        model.eval()
        output = model(inputs[:4])
    width = output.shape[1] if output.dim() > 1 else 1
    low, high = float(output.min()), float(output.max())
    if width > 1 and low >= 0 and torch.allclose(output.sum(1), torch.ones(4), atol=1e-4):
        target, loss_fn = classes % width, lambda p, t: nn.functional.nll_loss(p.clamp_min(1e-9).log(), t)
    elif width > 1:
        target, loss_fn = classes % width, nn.CrossEntropyLoss()
    elif 0 <= low and high <= 1:
        target, loss_fn = (classes % 2).float().reshape(-1, *output.shape[1:]), nn.BCELoss()
    else:
        target, loss_fn = numbers.reshape(-1, *output.shape[1:]), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range({epochs}):
        model.train()
        order = torch.randperm(len(inputs))
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            optimizer.zero_grad()
            loss = loss_fn(model(inputs[rows]), target[rows])
            loss.backward()
            optimizer.step()
    model.eval()


_nnlint_task()
"""


def _digits(height: int, width: int) -> tuple[Any, Any]:
    """Return the digits as (rows, height, width) from 0 to 1, and their classes."""
    import numpy as np

    load_digits = _scikit_learn().load_digits

    found = load_digits()
    down, across = (np.arange(n) * 8 // n for n in (height, width))
    return (found.images / 16.0)[:, down][:, :, across].astype("float32"), found.target


def _images(channels: int, height: int, width: int) -> Task:
    if max(height, width) > 96:
        raise NoTask(f"it has no data, and the built-in images are not for an input of {height}x{width}")
    images, classes = _digits(height, width)
    return Task("digits", images[:, None].repeat(channels, axis=1), classes, standard(classes))


def _flat_digits(size: int) -> Task:
    side = round(size**0.5)
    images, classes = _digits(side, side)
    return Task("digits", images.reshape(len(images), -1), classes, standard(classes))


def _table(columns: int) -> Task:
    """Return the table nearest in width, its columns repeated or left out to fit."""
    widths = {4: "iris", 10: "diabetes", 13: "wine", 30: "breast_cancer"}
    name = widths[min(widths, key=lambda width: abs(width - columns))]
    found = getattr(_scikit_learn(), f"load_{name}")()
    values = standard(found.data)
    inputs = values[:, [i % values.shape[1] for i in range(columns)]]
    by_size = (found.target > found.target.mean()).astype("int64") if name == "diabetes" else found.target
    return Task(name.replace("_", " "), inputs, by_size, standard(found.target))


def _waves(length: int, channels: int) -> Task:
    """Draw waves under noise: the class sets the frequency."""
    import numpy as np

    draw = np.random.default_rng(7)
    classes = draw.integers(0, 4, ROWS)
    time = np.arange(length)[None, :, None] / max(length, 2)
    phase = draw.uniform(0, 6.3, (ROWS, 1, channels))
    clean = np.sin(2 * np.pi * (1 + classes[:, None, None]) * time + phase)
    return Task("waves", (clean + 0.5 * draw.normal(size=clean.shape)).astype("float32"), classes, standard(classes))


def _tokens(length: int, vocabulary: int) -> Task:
    """Draw token sequences: each class has words of its own, a quarter of a text comes from them."""
    import numpy as np

    draw = np.random.default_rng(7)
    classes = draw.integers(0, 4, ROWS)
    words = draw.integers(0, vocabulary, (ROWS, length))
    own = draw.permutation(vocabulary)[: max(4, vocabulary // 2) // 4 * 4].reshape(4, -1)
    picked = own[classes[:, None], draw.integers(0, own.shape[1], (ROWS, length))]
    return Task("tokens", np.where(draw.random((ROWS, length)) < 0.25, picked, words), classes, standard(classes))


def _scikit_learn() -> Any:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise NoTask('it has no data, and built-in tasks need scikit-learn: pip install "nnlint[confirm]"') from error
    return datasets


def standard(values: Any) -> Any:
    """Return the columns with mean 0 and spread 1; a column without spread is divided by 1."""
    spread = values.std(axis=0)
    return ((values - values.mean(axis=0)) / (spread + (spread == 0))).astype("float32")
