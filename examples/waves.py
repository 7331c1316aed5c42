"""Sine, square, saw or noise: a recurrent network listens to 40 samples."""

import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Waves(Dataset):
    kinds = ["sine", "square", "saw", "noise"]

    def __init__(self, n, seed):
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(0, 4, (n,), generator=generator)
        t = torch.arange(40) / 40
        rate = 2 + 3 * torch.rand(n, 1, generator=generator)
        phase = torch.rand(n, 1, generator=generator)
        cycle = t * rate + phase
        shapes = torch.stack(
            [torch.sin(2 * math.pi * cycle), torch.sign(torch.sin(2 * math.pi * cycle)), 2 * (cycle % 1) - 1,
             torch.randn(n, 40, generator=generator)]
        )
        self.waves = shapes[self.labels, torch.arange(n)] + 0.3 * torch.randn(n, 40, generator=generator)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.waves[i].unsqueeze(1), self.labels[i]


class Listener(nn.Module):
    def __init__(self, hidden_size=32, n_kinds=4):
        super().__init__()
        self.gru = nn.GRU(input_size=1, hidden_size=hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, n_kinds)

    def forward(self, wave):
        _, last = self.gru(wave)
        return self.head(last[-1])


def accuracy(model, dataset):
    model.eval()
    right = 0
    with torch.no_grad():
        for wave, kind in DataLoader(dataset, batch_size=200):
            right += (model(wave).argmax(1) == kind).sum().item()
    return right / len(dataset)


def train():
    torch.manual_seed(3)
    train_data, test_data = Waves(1200, seed=1), Waves(400, seed=2)
    loader = DataLoader(train_data, batch_size=32, shuffle=True)
    model = Listener()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(8):
        model.train()
        for wave, kind in loader:
            scores = model(wave)
            loss = criterion(scores, kind)
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}, test accuracy {accuracy(model, test_data):.3f}")


if __name__ == "__main__":
    train()
