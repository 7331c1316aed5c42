"""An input is found unaided where several are wanted: by their names, their documentation and the line that failed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nnlint.worker.documented import shape_of
from nnlint.worker.inputs import guessed_inputs
from nnlint.worker.specs import Spec


def shown(model: nn.Module) -> list[str]:
    """The input with which a model was traced whole."""
    found, attempt = guessed_inputs(model)
    assert found is not None, attempt and (attempt.error, [t.error for t in attempt.earlier])
    assert attempt is not None
    assert attempt.complete
    assert attempt.tier != "guess"
    return found.shown


class Configuration:
    """Settings as a Hugging Face configuration has them."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def to_dict(self) -> dict[str, Any]:
        return vars(self)


class Frames(nn.Module):
    """The second input has the wrong rank; the first is what the search would change."""

    main_input_name = "input_ids"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration(image_size=8, num_frames=4, vocab_size=10)
        self.words, self.conv = nn.Embedding(10, 6), nn.Conv2d(3, 6, 3)

    def forward(self, input_ids: torch.Tensor, pixel_values: torch.Tensor) -> torch.Tensor:
        batch, frames, channels, height, width = pixel_values.shape
        seen = self.conv(pixel_values.reshape(batch * frames, channels, height, width)).mean((2, 3))
        return self.words(input_ids).mean(1) + seen.view(batch, frames, -1).mean(1)


def test_the_input_on_the_line_that_failed_is_the_one_that_changes() -> None:
    assert shown(Frames()) == ["input_ids=2x16:int64", "pixel_values=2x4x3x8x8:float32"]


class Codebooks(nn.Module):
    """Adds to each token an offset for each of several codebooks."""

    main_input_name = "input_ids"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration(vocab_size=10)
        self.words = nn.Embedding(100, 6)
        self.register_buffer("offsets", torch.arange(5) * 10)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.words(input_ids + self.offsets).sum(2)


def test_what_is_added_to_tokens_tells_their_last_axis() -> None:
    assert shown(Codebooks()) == ["input_ids=2x16x5:int64"]


class Patches(nn.Module):
    """Takes patches one by one through a convolution of their size."""

    main_input_name = "pixel_values"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration(patch_size=2, in_channels=3, temporal_patch_size=1)
        self.conv = nn.Conv2d(3, 8, 2, stride=2)

    def forward(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> torch.Tensor:
        rows = self.conv(pixel_values).view(pixel_values.shape[0], -1)
        return rows.view(*[int(n) for n in grid_thw[0].tolist()], 8)


def test_a_convolution_over_patches_gets_them_unflattened() -> None:
    assert shown(Patches())[0] == "pixel_values=64x3x2x2:float32"


class Stills(Patches):
    """Knows pictures only: a single frame."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(12, 8)

    def forward(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> torch.Tensor:
        _, height, width = grid_thw[0].tolist()
        return self.line(pixel_values).t().reshape(8, height, width)


def test_a_grid_of_a_single_frame_is_tried() -> None:
    assert shown(Stills()) == ["pixel_values=16x12:float32", "grid_thw=1x3:int64"]


class Placed(nn.Module):
    """Takes rows of patches with the place of each."""

    main_input_name = "pixel_values"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration(patch_size=2, num_channels=3)
        self.line, self.places = nn.Linear(12, 8), nn.Embedding(4, 8)

    def forward(self, pixel_values: torch.Tensor, pixel_position_ids: torch.Tensor) -> torch.Tensor:
        return self.line(pixel_values) + self.places(pixel_position_ids).sum(2)


def test_patches_come_with_their_places() -> None:
    assert shown(Placed()) == ["pixel_values=2x16x12:float32", "pixel_position_ids=2x16x2:int64"]


class Sound(nn.Module):
    """A signal whose only channel has an axis, beside words, read without gradients: the error leaves a `no_grad`."""

    main_input_name = "input_ids"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration(vocab_size=10)
        self.words, self.conv = nn.Embedding(10, 4), nn.Conv1d(1, 4, 700)

    def forward(self, input_ids: torch.Tensor, input_values: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            heard = self.conv(input_values)
        return heard.mean(2) + self.words(input_ids).mean(1)


def test_a_signal_gets_an_axis_of_channels() -> None:
    shape = shown(Sound())[1].rpartition("=")[2].partition(":")[0].split("x")
    assert shape[:2] == ["2", "1"]
    assert len(shape) == 3


class Sides(nn.Module):
    """Puts pictures beside each other and says in its error how large they should be together."""

    main_input_name = "pixel_values"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration(image_size=[16, 8])
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, pixel_values: torch.Tensor, prompt_values: torch.Tensor) -> torch.Tensor:
        """
        prompt_values (`torch.FloatTensor` of shape `(batch_size, num_channels, height, width)`):
            What to do with it.
        """
        both = torch.cat([prompt_values, pixel_values], dim=2)
        height, width = both.shape[2:]
        if (height, width) != (16, 8):
            raise ValueError(f"Input image size ({height}*{width}) doesn't match model (16*8).")
        return self.conv(both)


def test_pictures_that_are_joined_shrink_together() -> None:
    assert shown(Sides()) == ["pixel_values=2x3x8x8:float32", "prompt_values=2x3x8x8:float32"]


class Languages(nn.Module):
    """Wants an optional input which its error names in another form."""

    main_input_name = "input_ids"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration(vocab_size=10)
        self.words, self.tongues = nn.Embedding(10, 6), nn.Embedding(10, 6)

    def forward(self, input_ids: torch.Tensor, lang_ids: torch.Tensor | None = None) -> torch.Tensor:
        """
        lang_ids (`torch.LongTensor` of shape `(batch_size, sequence_length)`, *optional*):
            The language of each word.
        """
        if lang_ids is None:
            raise ValueError("Input language unknown.")
        return self.words(input_ids) + self.tongues(lang_ids)


def test_an_optional_input_that_is_nearly_named_is_given() -> None:
    assert shown(Languages()) == ["input_ids=2x16:int64", "lang_ids=2x16:int64"]


class Moved(nn.Module):
    """Gives its layer another dtype while it runs, which a forward without values cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.line = self.line.to(torch.float64)
        hit = (x > 0).any(1).nonzero()
        return self.line(x.double())[hit[:, 0]]


def test_a_layer_that_changes_its_dtype_runs_with_values() -> None:
    model = Moved()
    before = model.line.weight
    assert shown(model) == ["2x8:float32"]
    assert model.line.weight is before
    assert before.dtype is torch.float32


class Steps(nn.Module):
    """Wants a length that is a multiple, and a mask as long."""

    main_input_name = "states"

    def __init__(self) -> None:
        super().__init__()
        self.config = Configuration()
        self.line = nn.Linear(5, 4)

    def forward(self, states: torch.Tensor, states_mask: torch.Tensor) -> torch.Tensor:
        """
        states (`torch.Tensor` of shape `(batch_size, num_steps, 5)`):
            What is seen.
        """
        if states.shape[1] != 12:
            raise ValueError(f"a length of 12 is wanted, not {states.shape[1]}")
        return (self.line(states) * states_mask.unsqueeze(-1)).view(states_mask.shape[0], -1)


def test_a_mask_follows_the_input_that_it_belongs_to() -> None:
    assert shown(Steps()) == ["states=2x12x5:float32", "states_mask=2x12:int64"]


def test_words_may_be_products_sums_and_settings() -> None:
    settings = {"block_size": 3, "patch_size": 4, "hidden_size": 7, "layers": [1, 2], "image_size": [16, 8]}
    said = {
        "batch_size, config.block_size, dim": (2, 3, 7),
        "num_patches, 3 * patch_size * patch_size": (16, 48),
        "batch_size, number_of_tokens + config.block_size": (2, 19),
        "batch_size, dim * len(config.layers)": (2, 14),
        "batch_size, num_channels, height, width": (2, 3, 16, 8),
        "batch_size, wherever": None,
        "batch_size, dim * wherever": None,
    }
    assert {words: shape_of(words, settings.get) for words in said} == said


def test_given_values_fill_a_spec_of_any_size() -> None:
    spec = Spec((2, 3), torch.int64, values=(1, 4, 4))
    assert spec.fixed
    assert spec.draw().tolist() == [[1, 4, 4], [1, 4, 4]]
    assert spec.sized(1, 2).draw().tolist() == [[1, 4]]
