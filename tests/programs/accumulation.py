"""Gradients of four batches are added up on purpose."""
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(1600, 10), torch.randint(3, (1600,))
model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.BatchNorm1d(64), nn.Linear(64, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
optimizer.zero_grad()
for epoch in range(60):
    for i, rows in enumerate(torch.randperm(1600).split(16)):
        loss = criterion(model(x[rows]), y[rows]) / 4
        loss.backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
