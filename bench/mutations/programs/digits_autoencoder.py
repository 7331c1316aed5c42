"""Compress digits to eight numbers and draw them again."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)


class Autoencoder(nn.Module):
    def __init__(self, code=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, code))
        self.decoder = nn.Sequential(nn.Linear(code, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, x):
        return torch.sigmoid(self.decoder(self.encoder(x)))


pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16
train, test = pixels[:1500], pixels[1500:]
loader = DataLoader(train, batch_size=64, shuffle=True)

net = Autoencoder()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

for epoch in range(6):
    net.train()
    total = 0.0
    for x in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), x)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / len(loader):.4f}")

net.eval()
with torch.no_grad():
    print(f"error on unseen digits {F.mse_loss(net(test), test).item():.4f}")
