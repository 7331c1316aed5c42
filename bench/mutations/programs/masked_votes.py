"""Which candidate has most votes, read by attention over a padded list of ballots."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(6)
CANDIDATES = 5
PAD = 0


def ballots():
    votes = torch.randint(1, CANDIDATES + 1, (int(torch.randint(5, 15, (1,))),))
    return votes, torch.bincount(votes, minlength=CANDIDATES + 1)[1:].argmax()


def collate(batch):
    votes, winners = zip(*batch)
    return pad_sequence(votes, batch_first=True, padding_value=PAD), torch.stack(winners)


class VoteReader(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.embedding = nn.Embedding(CANDIDATES + 1, width, padding_idx=PAD)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))
        self.answer = nn.Linear(width, CANDIDATES)

    def forward(self, votes):
        hidden = votes == PAD
        x = self.embedding(votes)
        attended, _ = self.attention(x, x, x, key_padding_mask=hidden, need_weights=False)
        x = self.norm(x + attended)
        x = x + self.feed(x)
        kept = (~hidden).unsqueeze(-1).float()
        return self.answer((x * kept).sum(dim=1) / kept.sum(dim=1))


def train(model, loader, optimizer, loss_fn):
    model.train()
    total = 0.0
    for votes, winners in loader:
        logits = model(votes)
        loss = loss_fn(logits, winners)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


data = [ballots() for _ in range(1200)]
train_loader = DataLoader(data[:1000], batch_size=40, shuffle=True, collate_fn=collate)
test_loader = DataLoader(data[1000:], batch_size=200, collate_fn=collate)
model = VoteReader()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(4):
    print(f"epoch {epoch}: loss {train(model, train_loader, optimizer, loss_fn):.3f}")

model.eval()
with torch.no_grad():
    votes, winners = next(iter(test_loader))
    print(f"accuracy {(model(votes).argmax(-1) == winners).float().mean().item():.3f}")
