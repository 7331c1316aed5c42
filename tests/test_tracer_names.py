"""Under which names the parts of a model are known that were called by themselves as well."""

import torch
from torch import nn

from nnlint.worker.recorder import Recorder


def names(recorder, call):
    before = len(recorder.nodes)
    with recorder:
        call()
    return [(n.get("module"), n["parameters"]) for n in recorder.nodes[before:] if n["op"] == "linear"]


def models():
    inner = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    middle = nn.Sequential(inner, nn.Linear(3, 3))
    return inner, middle, nn.Sequential(middle, nn.ReLU())


FULL = [("0.0.0", ["0.0.0.weight", "0.0.0.bias"]), ("0.1", ["0.1.weight", "0.1.bias"])]


def test_a_part_called_before_the_model_was_built():
    inner, _, whole = models()
    recorder = Recorder()
    recorder.adopt(inner)
    assert names(recorder, lambda: inner(torch.ones(4, 2))) == [("0", ["0.weight", "0.bias"])]
    recorder.adopt(whole)
    assert names(recorder, lambda: whole(torch.ones(4, 2))) == FULL


def test_parts_called_after_the_model_keep_their_place_in_it():
    inner, middle, whole = models()
    recorder = Recorder()
    for module in (whole, inner, middle):
        recorder.adopt(module)
    assert names(recorder, lambda: whole(torch.ones(4, 2))) == FULL
