"""An input is found unaided: one small model for each way in which the search once failed."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import nn

from nnlint.worker.describe import describe
from nnlint.worker.inputs import guessed_inputs
from nnlint.worker.specs import Spec
from nnlint.worker.tiers import run_tier


def shown(model: nn.Module) -> list[str]:
    """The input with which a model was traced whole."""
    found, attempt = guessed_inputs(model)
    assert found is not None, attempt and (attempt.error, [t.error for t in attempt.earlier])
    assert attempt is not None
    assert attempt.complete
    assert attempt.tier != "guess"
    return found.shown


LAYERS: list[tuple[nn.Module, int]] = [
    (nn.AvgPool3d(2), 5),
    (nn.AdaptiveMaxPool2d(4), 4),
    (nn.ReflectionPad2d(1), 4),
    (nn.InstanceNorm2d(8), 4),
    (nn.GroupNorm(2, 8), 4),
    (nn.MaxUnpool2d(2), 4),
    (nn.PixelShuffle(2), 4),
    (nn.Fold((4, 5), (2, 2)), 3),
    (nn.Unflatten(1, (2, 4)), 2),
    (nn.RMSNorm(8), 3),
    (nn.Bilinear(8, 16, 3), 2),
    (nn.CrossEntropyLoss(), 2),
    (nn.NLLLoss(), 2),
    (nn.CTCLoss(), 3),
    (nn.GaussianNLLLoss(), 2),
    (nn.CosineEmbeddingLoss(), 2),
    (nn.AdaptiveLogSoftmaxWithLoss(16, 100, [10, 50]), 2),
]


@pytest.mark.parametrize(("layer", "rank"), LAYERS, ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "")
def test_a_layer_alone_gets_what_it_takes(layer: nn.Module, rank: int) -> None:
    first = shown(layer)[0].partition(":")[0]
    assert len(first.split("x")) == rank


class Grid(nn.Module):
    """Says in its error which size it wants, as models of pictures do; the faulty input is not the first."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.patch, self.out = nn.Embedding(20, 8), nn.Conv2d(3, 8, 16, 16), nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        words = self.words(input_ids).mean(1)
        if image.shape[-1] != 336:
            raise ValueError(f"Input height ({image.shape[-2]}) doesn't match model (336).")
        return self.out(words + self.patch(image).mean((2, 3)))


def test_a_size_that_the_error_names_is_taken_whichever_input_it_is() -> None:
    assert shown(Grid()) == ["2x16:int64", "2x3x336x336:float32"]


class Large(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] < 500:
            raise ValueError(f"Image size {x.shape[-2]}x{x.shape[-1]} is too small.")
        return self.conv(x)


def test_a_picture_that_is_too_small_grows() -> None:
    assert int(shown(Large())[0].partition(":")[0].split("x")[-1]) >= 500


class Wrapped(nn.Module):
    """Hands on whatever it gets."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner(*args, **kwargs)


class Linear(nn.Module):
    """A linear layer as other libraries write it."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.t()


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.out = Linear(16, 32), nn.BatchNorm1d(32), Linear(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.norm(self.first(x)).relu())


def test_a_wrapper_takes_what_its_first_part_takes() -> None:
    assert shown(Wrapped(Grid())) == ["2x16:int64", "2x3x336x336:float32"]


def test_the_width_of_a_linear_layer_of_another_library_is_known() -> None:
    assert shown(Two()) == ["2x16:float32"]


class Detector(nn.Module):
    """Takes a list of pictures, and targets while it trains; how many boxes there are hangs on values."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, images: list[torch.Tensor], targets: Any = None) -> Any:
        if self.training:
            assert targets is not None, "targets should not be none when in training mode"
        scores = self.head(self.body(torch.stack(images)).flatten(2).mT)
        return [row[row[:, 4] > 0] for row in scores]


def test_a_model_that_wants_targets_while_it_trains_is_traced_in_evaluation_mode() -> None:
    model = Detector()
    found, attempt = guessed_inputs(model)
    assert found is not None
    assert attempt is not None
    assert (attempt.complete, attempt.evaluated, model.training) == (True, True, True)
    assert attempt.tier == "real"  # the boxes


def test_what_came_furthest_is_kept_where_no_input_runs() -> None:
    class Broken(Detector):
        def forward(self, images: list[torch.Tensor], targets: Any = None) -> Any:
            super().forward(images, targets)
            raise RuntimeError("no kernel of ours")

    facts = describe(Broken(), target="m", path=None)["subject"]
    assert (facts["status"], facts["nodes"] > 4) == ("partial", True)
    assert "no kernel of ours" in facts["reason"]


class ByLengths(nn.Module):
    """Cuts rows into pieces whose lengths are handed over: values that are known beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 2)

    def forward(self, rows: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.out(part) for part in rows.split(lengths.tolist())])


def test_lengths_are_known_to_a_forward_without_values() -> None:
    attempt = run_tier(ByLengths(), (torch.randn(6, 4), torch.tensor([4, 2])), {}, "fake")
    assert attempt.complete, attempt.error
    assert sum(node["op"] == "linear" for node in attempt.nodes) == 2


def test_a_spec_over_zero_is_drawn_over_zero() -> None:
    values = Spec((100,), low=1, high=3).draw()
    assert values.dtype == torch.float32
    assert 1 <= values.min() <= values.max() < 3
    assert Spec((1, 3), torch.int64, 4, 5).fixed
    assert not Spec((1, 3), torch.int64, 0, 5).fixed


class Masked(nn.Module):
    """Wants an input that its signature calls optional, and does not say so."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(20, 8), nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, padding_mask: torch.Tensor | None = None) -> torch.Tensor:
        lengths = padding_mask.sum(-1)  # type: ignore[union-attr]
        return self.out(self.words(input_ids).sum(1) / lengths[:, None])


def test_an_optional_input_on_the_line_that_failed_is_given() -> None:
    assert shown(Masked()) == ["2x16:int64", "padding_mask=2x16:int64"]


@functools.lru_cache
def anchors(size: int) -> torch.Tensor:
    return torch.arange(size, dtype=torch.float32)


def memoized(function: Any) -> Any:
    """A cache inside of another decorator."""
    cache = functools.lru_cache(function)

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return cache(*args)

    return wrapper


class Anchored(nn.Module):
    """Keeps what it makes of the size in a cache that outlives the forward."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(8, 2)

    @memoized
    def steps(self, size: int) -> torch.Tensor:
        return torch.ones(size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x * anchors(x.shape[-1]) + self.steps(x.shape[-1]))


def test_a_cache_keeps_nothing_of_a_forward_without_values() -> None:
    model = Anchored()
    for tier in ("meta", "fake"):
        assert run_tier(model, (torch.randn(2, 8),), {}, tier).complete
        assert anchors.cache_info().currsize == 0
    assert torch.isfinite(model(torch.randn(2, 8))).all()


class Configuration:
    num_frames = 3

    def to_dict(self) -> dict[str, int]:
        return {}


class Documented(nn.Module):
    """A configured model that says in words what it takes."""

    main_input_name = "states"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration()
        self.state, self.action = nn.Linear(5, 8), nn.Linear(4, 8)

    def forward(self, states: Any = None, actions: Any = None, mask: Any = None) -> torch.Tensor:
        """
        states (`torch.Tensor` of shape `(batch_size, episode_length, 5)`):
            What is seen.
        actions (`torch.Tensor` of shape `(batch_size, episode_length, 4)`):
            What is done.
        mask (`torch.Tensor` of shape `(batch_size, episode_length)`, *optional*):
            What counts.
        """
        return torch.stack([self.state(states), self.action(actions)], dim=1)


def test_the_shapes_of_a_docstring_are_taken() -> None:
    assert shown(Documented()) == ["states=2x16x5:float32", "actions=2x16x4:float32"]


class Pairs(nn.Module):
    """Says in its error what it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.ndim != 5 or x.shape[1] != 2:
            raise ValueError("Input must be a 5D tensor of shape (batch_size, 2, num_channels, height, width)")
        return self.conv(x.flatten(0, 1))


def test_a_shape_that_an_error_says_in_words_is_taken() -> None:
    assert shown(Pairs()) == ["2x2x3x224x224:float32"]


class Listener(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.Sequential(*(nn.Conv1d(1, 1, 64, stride=64) for _ in range(2)), nn.Conv1d(1, 1, 7))

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        return self.convs(input_values)


def test_a_sound_that_is_too_short_grows() -> None:
    assert int(shown(Listener())[0].partition(":")[0].split("x")[-1]) >= 64 * 64 * 7


class OneSample(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.place, self.out = nn.Parameter(torch.zeros(1, 8)), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x + self.place.view(x.shape[0], 8))


def test_a_view_that_was_made_for_one_sample_gets_one() -> None:
    assert shown(OneSample()) == ["1x8:float32"]


class Drawing(nn.Module):
    """Has a distribution check its parameters, which have no values."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.distributions.Normal(self.out(x), 1.0).rsample()


def test_a_distribution_does_not_look_at_values_that_are_not_there() -> None:
    before = torch.distributions.Distribution._validate_args
    assert run_tier(Drawing(), (torch.randn(2, 8),), {}, "meta").complete
    assert torch.distributions.Distribution._validate_args is before


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(8, 2)
        self.register_buffer("seen", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.add_(1)  # type: ignore[operator]
        return self.out(x)


def test_the_count_of_writes_of_a_model_without_values_stays() -> None:
    with torch.device("meta"):
        model = Counting()
    before = {name: buffer._version for name, buffer in model.named_buffers()}
    assert run_tier(model, (torch.randn(2, 8),), {}, "meta").complete
    assert {name: buffer._version for name, buffer in model.named_buffers()} == before


class Twofold(Documented):
    """Names more than one main input."""

    main_input_name = ("pixel_values", "task")  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.task = nn.Conv2d(3, 8, 3), nn.Linear(5, 8)

    def forward(self, pixel_values: Any = None, task: Any = None) -> torch.Tensor:  # type: ignore[override]
        return self.conv(pixel_values).mean((2, 3)) + self.task(task)


def test_there_may_be_several_main_inputs() -> None:
    assert shown(Twofold()) == ["pixel_values=2x3x224x224:float32", "2x5:float32"]
