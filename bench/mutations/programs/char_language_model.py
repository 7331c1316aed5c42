"""A small causal transformer that continues a nursery rhyme letter by letter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

RHYME = """
the north wind doth blow and we shall have snow and what will the robin do then poor thing
he will sit in a barn and keep himself warm and hide his head under his wing poor thing
the north wind doth blow and we shall have snow and what will the swallow do then poor thing
oh do you not know that he is off long ago to a country where he will find spring poor thing
the north wind doth blow and we shall have snow and what will the dormouse do then poor thing
rolled up like a ball in his nest snug and small he will sleep till warm weather comes in poor thing
"""


@dataclass
class Config:
    context: int = 24
    width: int = 32
    heads: int = 4
    layers: int = 2
    dropout: float = 0.1
    batch: int = 16
    accumulate: int = 2
    epochs: int = 1
    rate: float = 3e-3
    clip: float = 1.0


class Text(Dataset):
    """Pieces of the text; the target is the piece one letter later."""

    def __init__(self, text: str, context: int, stride: int = 2) -> None:
        self.letters = sorted(set(text))
        self.numbers = {letter: i for i, letter in enumerate(self.letters)}
        self.ids = torch.tensor([self.numbers[letter] for letter in text])
        self.context = context
        self.stride = stride

    def __len__(self) -> int:
        return (len(self.ids) - self.context - 1) // self.stride

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        begin = index * self.stride
        piece = self.ids[begin : begin + self.context + 1]
        return piece[:-1], piece[1:]


class CausalSelfAttention(nn.Module):
    """Each letter reads the letters before it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q = q.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        k = k.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        v = v.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        p = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention and two dense layers, each behind a norm and beside a shortcut."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.attention = CausalSelfAttention(config)
        self.norm2 = nn.LayerNorm(config.width)
        self.dense = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
            nn.Dropout(config.dropout),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.dense(self.norm2(x))


class LanguageModel(nn.Module):
    """Logits of the next letter at every position."""

    def __init__(self, letters: int, config: Config) -> None:
        super().__init__()
        self.context = config.context
        self.letters = nn.Embedding(letters, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, letters)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.letters(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    @torch.no_grad()
    def write(self, ids: torch.Tensor, count: int, temperature: float = 0.8) -> torch.Tensor:
        """Append `count` letters to `ids`."""
        self.eval()
        for _ in range(count):
            logits = self(ids[:, -self.context :])[:, -1] / temperature
            chosen = torch.multinomial(F.softmax(logits, dim=-1), 1)
            ids = torch.cat([ids, chosen], dim=1)
        return ids


def parameter_groups(model: nn.Module, decay: float) -> list[dict]:
    """Matrices with weight decay, everything else without."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


def train(model: LanguageModel, text: Text, config: Config) -> None:
    loader = DataLoader(text, batch_size=config.batch, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.01), lr=config.rate, betas=(0.9, 0.95))
    for epoch in range(config.epochs):
        model.train()
        total, batches = 0.0, 0
        optimizer.zero_grad()
        for step, (ids, following) in enumerate(loader):
            logits = model(ids)
            loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
            (loss / config.accumulate).backward()
            total += loss.item()
            batches += 1
            if (step + 1) % config.accumulate == 0:
                nn.utils.clip_grad_norm_(model.parameters(), config.clip)
                optimizer.step()
                optimizer.zero_grad()
        bits = total / batches / math.log(2)
        print(f"epoch {epoch}: {bits:.2f} bits a letter")


def main() -> None:
    torch.manual_seed(4)
    config = Config()
    text = Text(" ".join(RHYME.split()), config.context)
    model = LanguageModel(len(text.letters), config)
    train(model, text, config)
    start = torch.tensor([[text.numbers[letter] for letter in "the north wind"]])
    written = model.write(start, 40)[0].tolist()
    print("".join(text.letters[i] for i in written))


if __name__ == "__main__":
    main()
