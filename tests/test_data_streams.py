"""Data that are drawn one after the other: nnlint draws none of them for itself, and of others a bounded number."""

import textwrap

import pytest

torch = pytest.importorskip("torch")

from nnlint.facts import Facts  # noqa: E402
from nnlint.worker.held_back import TRAINING  # noqa: E402
from nnlint.worker.job import run  # noqa: E402
from nnlint.worker.profile import ROWS  # noqa: E402

HEAD = """
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
torch.manual_seed(0)
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
drawn = []
def train(batches):
    for x, y in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        print("drawn", len(drawn))
"""

STREAM = """
class Stream(IterableDataset):
    def __iter__(self):
        for i in range(10**9):
            drawn.append(i)
            yield torch.full((4,), float(i)), i % 2
"""


def trained(tmp_path, body):
    path = tmp_path / "train.py"
    path.write_text(HEAD + textwrap.dedent(body))
    answer = run({"path": str(path), "root": str(tmp_path), "timeout": 60})
    (subject,) = answer["subjects"]
    return Facts.model_validate(subject)


def draws(capsys):
    return [int(line.split()[1]) for line in capsys.readouterr().out.splitlines() if line.startswith("drawn")]


@pytest.mark.parametrize(
    "batches",
    {
        "a stream in a loader": STREAM + "train(DataLoader(Stream(), batch_size=8))\n",
        "a stream held back": STREAM + "val_set = Stream()\ntrain(DataLoader(Stream(), batch_size=8))\n",
        "a generator": STREAM + "train((x.expand(8, 4), torch.arange(8) % 2) for x, _ in Stream())\n",
    }.values(),
)
def test_a_stream_is_drawn_from_by_its_owner_alone(tmp_path, capsys, batches):
    body = batches + "\n"
    facts = trained(tmp_path, body + "print('drawn', len(drawn))\n")
    assert facts.data is not None
    assert facts.data.features[0].rows == 8
    each = 8 if "DataLoader(Stream" in body else 1
    assert draws(capsys) == [each, 2 * each]  # before the third step the script is stopped: no more is drawn


def test_items_are_drawn_by_index_and_not_more_than_stated(tmp_path, capsys):
    body = """
    class Items(Dataset):
        def __len__(self):
            return 100_000
        def __getitem__(self, i):
            drawn.append(i)
            return torch.full((4,), float(i)), i % 2
    import atexit
    train(DataLoader(Items(), batch_size=8))
    """
    facts = trained(tmp_path, body)
    assert facts.data.features[0].rows <= ROWS
    assert facts.data.samples == 100_000


def test_rows_that_stand_in_both_sets_are_counted(tmp_path):
    body = """
    x, y = torch.randn(200, 4), torch.arange(200) % 2
    train_set, val_set = TensorDataset(x, y), TensorDataset(torch.cat([x[:30], torch.randn(30, 4)]), y[:60])
    train(DataLoader(train_set, batch_size=8, shuffle=True))
    """
    overlap = trained(tmp_path, body).data.overlap
    assert (overlap.share, overlap.rows, overlap.training) == (0.5, 60, 200)
    assert overlap.training <= TRAINING


def test_a_streamed_hugging_face_set_is_not_consumed(tmp_path, capsys):
    datasets = pytest.importorskip("datasets")
    assert datasets
    body = """
    from datasets import IterableDataset as Streamed
    def rows():
        for i in range(10**9):
            drawn.append(i)
            yield {"x": [float(i)] * 4, "y": i % 2}
    data = Streamed.from_generator(rows).with_format("torch")
    train((b["x"], b["y"]) for b in DataLoader(data, batch_size=8))
    """
    facts = trained(tmp_path, body)
    assert facts.data.features[0].rows == 8
    assert max(draws(capsys)) <= 24
