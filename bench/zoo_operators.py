"""torchvision's compiled operators, declared and written in torch, for an installation that brings none.

torchvision's wheel is compiled against one torch and loads beside no other: without its operators it (and timm) cannot
be imported. Where it finds its own nothing is done here.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from typing import Any

import torch

_ROI = "Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_DEFORM = (
    "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, "
    "SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, "
    "bool use_mask"
)
_SIZE = "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
_BACK = "Tensor grad, Tensor rois"
_POOLED = "float spatial_scale, SymInt pooled_height, SymInt pooled_width"
DECLARED = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"qroi_align({_ROI}, int sampling_ratio, bool aligned) -> Tensor",
    f"roi_align({_ROI}, int sampling_ratio, bool aligned) -> Tensor",
    f"roi_pool({_ROI}) -> (Tensor, Tensor)",
    f"ps_roi_align({_ROI}, int sampling_ratio) -> (Tensor, Tensor)",
    f"ps_roi_pool({_ROI}) -> (Tensor, Tensor)",
    f"deform_conv2d({_DEFORM}) -> Tensor",
    f"_roi_align_backward({_BACK}, {_POOLED}, {_SIZE}, int sampling_ratio, bool aligned) -> Tensor",
    f"_roi_pool_backward({_BACK}, Tensor argmax, {_POOLED}, {_SIZE}) -> Tensor",
    f"_ps_roi_align_backward({_BACK}, Tensor channel_mapping, {_POOLED}, int sampling_ratio, {_SIZE}) -> Tensor",
    f"_ps_roi_pool_backward({_BACK}, Tensor channel_mapping, {_POOLED}, {_SIZE}) -> Tensor",
    f"_deform_conv2d_backward(Tensor grad, {_DEFORM}) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)

_library: Any = None


def provide() -> bool:
    """Declare the operators where torchvision's own do not load. Returns whether that was so."""
    global _library
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or _library is not None:
        return _library is not None
    for compiled in pathlib.Path(found.origin).parent.glob("_C.*"):
        try:
            torch.ops.load_library(str(compiled))
            return False
        except OSError:
            pass
    _library = torch.library.Library("torchvision", "DEF")
    for declaration in DECLARED:
        _library.define(declaration)
    _library.impl("nms", nms, "CPU")
    _library.impl("roi_align", roi_align, "CPU")
    import torchvision

    for name, module in list(sys.modules.items()):  # asked before nms and roi_align, which are there now
        if name.startswith(f"{torchvision.__name__}.") and hasattr(module, "_has_ops"):
            module._has_ops = lambda: True  # type: ignore[attr-defined]
    return True


def nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Return the indices of the boxes that overlap no better one by more than the threshold, best first."""
    from torchvision.ops import box_iou

    order = scores.argsort(descending=True, stable=True)
    overlap = box_iou(boxes[order], boxes[order]) > threshold
    kept = torch.ones(len(order), dtype=torch.bool)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= ~overlap[i, i + 1 :]
    return order[kept]


def roi_align(
    x: torch.Tensor, rois: torch.Tensor, scale: float, height: int, width: int, ratio: int, aligned: bool
) -> torch.Tensor:
    """Return the features under each box, by torchvision's own formula, a hundred boxes at a time."""
    from torchvision.ops.roi_align import _roi_align

    formula = getattr(
        _roi_align, "__wrapped__", _roi_align
    )  # torchvision compiles it, which takes longer than it saves
    parts = [formula(x, part, scale, height, width, ratio, aligned) for part in rois.split(100)]
    return torch.cat(parts) if parts else x.new_empty((0, x.shape[1], height, width))
