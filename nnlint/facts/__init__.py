"""Facts: plain frozen records of what is known about a model and how it is trained. No torch, no files, no printing."""

from .data import Column, Data, Features, Overlap, Padding, Target
from .graph import Graph, Node, Tensor
from .model import Model, Module, Parameter
from .probe import Probe, Signal
from .recipe import Loop, Loss, LossKind, Optimizer, Recipe
from .span import Span
from .subject import Facts, Status, Subject
from .unknown import Fact, Known, Missing, Plain, Unknown, known, missing
from .views import Layer, Output, layers, outputs

__all__ = [
    "Column", "Data", "Fact", "Facts", "Features", "Graph", "Known", "Layer", "Loop", "Loss", "LossKind", "Missing",
    "Model", "Module", "Node", "Optimizer", "Output", "Overlap", "Padding", "Parameter", "Plain", "Probe", "Recipe",
    "Signal", "Span", "Status", "Subject", "Target", "Tensor", "Unknown", "known", "layers", "missing", "outputs",
]  # fmt: skip
