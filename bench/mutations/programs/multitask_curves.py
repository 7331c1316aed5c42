"""One trunk, two heads: which of five shapes a curve has, and how high its peak is."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

KINDS = ("sine", "square", "saw", "bump", "chirp")
LENGTH = 64


class Curves(Dataset):
    """Noisy curves with their kind and their height."""

    def __init__(self, count: int, seed: int):
        rng = np.random.default_rng(seed)
        time = np.linspace(0, 1, LENGTH)
        curves, kinds, heights = [], [], []
        for _ in range(count):
            kind = int(rng.integers(len(KINDS)))
            height = rng.uniform(0.5, 2.0)
            curve = height * self.shape(KINDS[kind], time, rng) + rng.normal(0, 0.05, LENGTH)
            curves.append(curve)
            kinds.append(kind)
            heights.append(height)
        self.curves = torch.tensor(np.stack(curves), dtype=torch.float32).unsqueeze(1)
        self.kinds = torch.tensor(kinds)
        self.heights = torch.tensor(heights, dtype=torch.float32)

    @staticmethod
    def shape(kind, time, rng):
        phase = rng.uniform(0, 1)
        if kind == "sine":
            return np.sin(2 * np.pi * (2 * time + phase))
        if kind == "square":
            return np.sign(np.sin(2 * np.pi * (2 * time + phase)))
        if kind == "saw":
            return 2 * ((2 * time + phase) % 1) - 1
        if kind == "bump":
            return np.exp(-((time - 0.2 - 0.6 * phase) ** 2) / 0.01)
        return np.sin(2 * np.pi * (1 + 4 * time) * time + phase)

    def __len__(self):
        return len(self.curves)

    def __getitem__(self, index):
        return self.curves[index], self.kinds[index], self.heights[index]


class ConvBlock(nn.Module):
    """A convolution along time with norm, activation and pooling."""

    def __init__(self, inputs, outputs, kernel=5):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x):
        return F.max_pool1d(F.leaky_relu(self.norm(self.conv(x)), 0.1), 2)


class Trunk(nn.Module):
    """What both heads read."""

    def __init__(self, width):
        super().__init__()
        self.blocks = nn.ModuleList([ConvBlock(1, width), ConvBlock(width, 2 * width), ConvBlock(2 * width, 2 * width)])
        self.size = 2 * width

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=1)


class TwoHeads(nn.Module):
    """Trunk, kind and height."""

    def __init__(self, kinds, width=16):
        super().__init__()
        self.trunk = Trunk(width)
        inside = 2 * self.trunk.size
        self.kind_head = nn.Sequential(nn.Linear(inside, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, kinds))
        self.height_head = nn.Sequential(nn.Linear(inside, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, curves):
        features = self.trunk(curves)
        return self.kind_head(features), self.height_head(features).squeeze(-1)


class MultiTaskLoss(nn.Module):
    """The weighted sum of both losses."""

    def __init__(self, weight=0.5):
        super().__init__()
        self.weight = weight
        self.kind_loss = nn.CrossEntropyLoss()
        self.height_loss = nn.SmoothL1Loss()

    def forward(self, kind_logits, heights, kinds, true_heights):
        return self.kind_loss(kind_logits, kinds) + self.weight * self.height_loss(heights, true_heights)


class Scores:
    """Accuracy of the kinds and mean error of the heights."""

    def __init__(self):
        self.hits = self.error = 0.0
        self.count = 0

    def update(self, logits, heights, kinds, true_heights):
        self.hits += (logits.argmax(1) == kinds).sum().item()
        self.error += (heights - true_heights).abs().sum().item()
        self.count += len(kinds)

    def __str__(self):
        return f"{100 * self.hits / self.count:.1f} % right, heights off by {self.error / self.count:.3f}"


def learn(model, loader, criterion, optimizer, scheduler):
    """One epoch; the rate changes with every batch."""
    model.train()
    total = 0.0
    for curves, kinds, heights in loader:
        logits, predicted = model(curves)
        loss = criterion(logits, predicted, kinds, heights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(curves)
    return total / len(loader.dataset)


def score(model, loader):
    """Scores on curves that were held out."""
    model.eval()
    scores = Scores()
    with torch.inference_mode():
        for curves, kinds, heights in loader:
            logits, predicted = model(curves)
            scores.update(logits, predicted, kinds, heights)
    return scores


def main():
    torch.manual_seed(2)
    data = Curves(1000, seed=5)
    train_set, valid_set = random_split(data, [800, 200], generator=torch.Generator().manual_seed(0))
    train_loader = DataLoader(train_set, batch_size=40, shuffle=True)
    valid_loader = DataLoader(valid_set, batch_size=100)
    epochs = 4
    model = TwoHeads(len(KINDS))
    criterion = MultiTaskLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(train_loader))
    for epoch in range(epochs):
        loss = learn(model, train_loader, criterion, optimizer, scheduler)
        print(f"epoch {epoch}: loss {loss:.3f}, {score(model, valid_loader)}")


if __name__ == "__main__":
    main()
