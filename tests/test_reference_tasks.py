"""The reference tasks: they load from what is installed, have the shape they promise, and say what is missing."""

from __future__ import annotations

import random

import pytest

np = pytest.importorskip("numpy")

from nnlint.trainer.reference import REFERENCES, nearest_task, reference, reference_task  # noqa: E402, nearest_task
from nnlint.trainer.tasks import NoTask, driver  # noqa: E402

ROWS = {
    "breast_cancer": 569, "wine": 178, "segment": 2310, "diabetes": 442, "digits": 1797, "mnist": 5000,
    "mnist1d": 4000, "names": 4000, "japanese_vowels": 640,
}  # fmt: skip


@pytest.mark.parametrize("name", REFERENCES)
def test_a_task_has_the_shape_it_promises(name):
    task = REFERENCES[name]
    if task.missing:
        pytest.skip(f"not installed: {task.missing}")
    random.seed(3)
    np.random.seed(3)
    wanted = random.Random(3).random(), np.random.RandomState(3).rand()
    inputs, targets = task.load()
    assert (random.random(), np.random.rand()) == wanted, "loading data draws from no one's random state"
    assert inputs.shape == (ROWS[name], *task.shape)
    assert len(targets) == ROWS[name]
    assert np.isfinite(inputs).all()
    assert inputs.dtype == ("int64" if task.vocabulary else "float32")
    if task.vocabulary:
        assert (inputs.min(), inputs.max()) == (0, task.vocabulary - 1)
    if task.classes:
        assert targets.dtype == "int64"
        assert sorted(set(targets.tolist())) == list(range(task.classes))
    else:
        assert targets.dtype == "float32"


def test_a_task_is_equal_each_time():
    for name in ("names", "segment"):
        if not REFERENCES[name].missing:
            first, again = REFERENCES[name].load(), REFERENCES[name].load()
            assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_the_source_of_a_task_stands_alone():
    text = REFERENCES["digits"].source.replace("tuple[Any, Any]", "tuple")
    space: dict = {}
    exec(text, space)
    inputs, targets = space["digits"]()
    assert inputs.shape == (1797, 1, 8, 8)
    assert len(targets) == 1797


def test_every_task_names_its_licence():
    assert all(task.licence for task in REFERENCES.values())


def test_a_missing_package_is_one_sentence_with_the_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NoTask, match=r"the data of segment need river: pip install --no-deps river"):
        REFERENCES["segment"].load()


def test_names_are_read_as_people_write_them():
    assert reference("MNIST-1D").name == "mnist1d"
    assert reference("Japanese vowels").name == "japanese_vowels"
    with pytest.raises(NoTask, match="did you mean segment"):
        reference("segmnet")


def test_a_task_can_be_driven(tmp_path):
    text = driver("Net()", reference_task("diabetes"), tmp_path)
    assert "_nnlint_task()" in text
    assert (tmp_path / "inputs.bin").stat().st_size == 442 * 10 * 4


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("2x18", "segment"), ("2x1x28x28", "mnist"), ("8x1x40", "mnist1d"), ("4x14:int64[0,27)", "names"),
        ("4x29x12", "japanese_vowels"), ("4x30", "breast_cancer"),
        ("4x14:int64[0,20)", "tokens"), ("4x29x13", "waves"), ("2x3x32x32", "digits"), ("4x14", "wine"),
    ],
)  # fmt: skip
def test_a_model_without_data_is_given_the_reference_task_of_its_shape(spec, name):
    if name in REFERENCES and REFERENCES[name].missing:
        pytest.skip(f"{name} is not installed")
    pytest.importorskip("sklearn")
    task = nearest_task([spec])
    assert task.name == name
    wanted = [int(n) for n in spec.partition(":")[0].split("x")][1:]
    assert list(task.inputs.shape[1:]) == wanted
    if len(wanted) == 1 and "int" not in spec:
        assert abs(task.inputs.mean()) < 0.01, "tables are standardised"
