"""What tracing costs, as a share of one real forward: `make bench-tracing`.

CPU time in one process, one thread, batch 1, the best of five. The models are ResNet-50, ViT-B and GPT-2 small (128
tokens) by their published sizes, written here so that no model library is needed. Exits with 1 above the limits.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"
_started = time.process_time()
import torch  # noqa: E402

IMPORT = time.process_time() - _started
"""Seconds that importing torch takes."""

from torch import nn  # noqa: E402

from nnlint.worker import tiers  # noqa: E402

LIMIT = 0.3
"""Of one forward pass."""
FIRST_LIMIT = 0.5
"""Of importing torch, for the first trace in a fresh process."""


class Bottleneck(nn.Module):
    def __init__(self, before: int, inner: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True),
            nn.Conv2d(inner, 4 * inner, 1, bias=False), nn.BatchNorm2d(4 * inner),
        )  # fmt: skip
        same = stride == 1 and before == 4 * inner
        down = nn.Sequential(nn.Conv2d(before, 4 * inner, 1, stride, bias=False), nn.BatchNorm2d(4 * inner))
        self.skip = nn.Identity() if same else down

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.skip(x))


def resnet50() -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    before = 64
    for inner, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for k in range(count):
            layers.append(Bottleneck(before, inner, stride if k == 0 else 1))
            before = 4 * inner
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


class Block(nn.Module):
    def __init__(self, width: int = 768, heads: int = 12) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down, self.act = nn.Linear(width, 4 * width), nn.Linear(4 * width, width), nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.qkv(self.norm1(x)).reshape(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(self.act(self.up(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.blocks = nn.Conv2d(3, 768, 16, 16), nn.Sequential(*[Block() for _ in range(12)])
        self.cls, self.place = nn.Parameter(torch.zeros(1, 1, 768)), nn.Parameter(torch.zeros(1, 197, 768))
        self.norm, self.head = nn.LayerNorm(768), nn.Linear(768, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.place
        return self.head(self.norm(self.blocks(x))[:, 0])


class GPT2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(50257, 768), nn.Embedding(1024, 768)
        self.blocks, self.norm = nn.ModuleList([Block() for _ in range(12)]), nn.LayerNorm(768)
        self.head = nn.Linear(768, 50257, bias=False)
        self.head.weight = self.token.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.token(ids) + self.place(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def best(run: Callable[[], object], times: int = 5) -> float:
    """Return the least CPU time in seconds."""
    spent = []
    for _ in range(times):
        started = time.process_time()
        run()
        spent.append(time.process_time() - started)
    return min(spent)


def main() -> int:
    torch.set_num_threads(1)
    tiny, row = nn.Sequential(nn.Linear(8, 8), nn.ReLU()), torch.randn(2, 8)
    first = best(lambda: tiers.run_tier(tiny, (row,), {}, "meta"), times=1)
    print(f"  first trace {first:.2f} s, import torch {IMPORT:.2f} s: {first / IMPORT:.2f} (limit {FIRST_LIMIT})")
    ok = first <= FIRST_LIMIT * IMPORT
    image, ids = torch.randn(1, 3, 224, 224), torch.randint(0, 50257, (1, 128))
    print(f"\n  {'model':10} {'forward':>9} {'trace':>9} {'ratio':>6}  (limit {LIMIT})")
    for name, build, given in (("ResNet-50", resnet50, image), ("ViT-B", ViT, image), ("GPT-2", GPT2, ids)):
        model = build().eval()
        assert tiers.run_tier(model, (given,), {}, "meta").complete
        with torch.no_grad():
            forward = best(lambda m=model, x=given: m(x))
        trace = best(lambda m=model, x=given: tiers.run_tier(m, (x,), {}, "meta"))
        print(f"  {name:10} {1000 * forward:6.0f} ms {1000 * trace:6.1f} ms {trace / forward:6.2f}")
        ok &= trace <= LIMIT * forward
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
