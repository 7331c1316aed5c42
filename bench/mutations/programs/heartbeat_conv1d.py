"""Irregular heartbeats are rare: a 1-D convolutional network with a weighted loss."""

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(0)
torch.manual_seed(0)

COUNT, LENGTH = 900, 96
time = np.linspace(0, 1, LENGTH)
irregular = rng.random(COUNT) < 0.08
beats = np.zeros((COUNT, LENGTH))
for i in range(COUNT):
    centre = 0.5 + 0.03 * rng.standard_normal()
    width = 0.05 if irregular[i] else 0.025
    beats[i] = np.exp(-(((time - centre) / width) ** 2)) - 0.25 * np.exp(-(((time - centre - 0.1) / 0.04) ** 2))
beats += 0.08 * rng.standard_normal(beats.shape)

signals = torch.tensor(beats, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(irregular, dtype=torch.long)
train_data, test_data = TensorDataset(signals[:700], labels[:700]), TensorDataset(signals[700:], labels[700:])
train_loader = DataLoader(train_data, batch_size=28, shuffle=True)

counts = torch.bincount(labels[:700], minlength=2).float()
model = nn.Sequential(
    nn.Conv1d(1, 8, kernel_size=7, padding=3, bias=False),
    nn.BatchNorm1d(8),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(8, 16, kernel_size=5, padding=2, bias=False),
    nn.BatchNorm1d(16),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(32, 2),
)
criterion = nn.CrossEntropyLoss(weight=counts.sum() / (2 * counts))
optimizer = optim.Adam(model.parameters(), lr=2e-3)
scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)

for epoch in range(6):
    model.train()
    epoch_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    scheduler.step()
    print(f"epoch {epoch}: {epoch_loss / len(train_loader):.3f}")

model.eval()
with torch.no_grad():
    predicted = model(signals[700:]).argmax(dim=1)
found = (predicted[labels[700:] == 1] == 1).float().mean()
print(f"irregular beats found: {found.item():.2f}")
