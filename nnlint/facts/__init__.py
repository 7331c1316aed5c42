"""Facts: plain frozen records of what is known about a model and how it is trained. No torch, no files, no printing."""

from .around import Averaging, BestWeights, EarlyStop, Evaluation, Loaded, Loader, Preparation, Saved, Threshold
from .data import Column, Data, Features, Overlap, Padding, Target
from .graph import Graph, Node, Tensor
from .loop import Call, Loop, Step, Sum
from .model import Model, Module, Override, Parameter, Unregistered
from .probe import Mixing, Probe, Signal
from .recipe import Group, Loss, LossKind, Optimizer, Recipe, Scheduler
from .span import Span
from .subject import Facts, Status, Subject
from .unknown import Fact, Known, Missing, Plain, Unknown, known, missing
from .views import Layer, Output, layers, outputs

__all__ = [
    "Averaging", "BestWeights", "Call", "Column", "Data", "EarlyStop", "Evaluation", "Fact", "Facts", "Features",
    "Graph", "Group", "Known", "Layer", "Loaded", "Loader", "Loop", "Loss", "LossKind", "Missing", "Mixing", "Model",
    "Module", "Node", "Optimizer", "Output", "Overlap", "Override", "Padding", "Parameter", "Plain",
    "Preparation", "Probe", "Recipe", "Saved", "Scheduler", "Signal", "Span", "Status", "Step", "Subject", "Sum",
    "Target", "Tensor", "Threshold", "Unknown", "Unregistered", "known", "layers", "missing", "outputs",
]  # fmt: skip
