import torch
import torch.nn.functional as F
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, x):
        return self.net(x)

    # finding: overridden-module-method
    def train(self, x, y, epochs):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.003)
        for epoch in range(epochs):
            for rows in torch.randperm(len(x)).split(32):
                optimizer.zero_grad()
                F.cross_entropy(self(x[rows]), y[rows]).backward()
                optimizer.step()


torch.manual_seed(42)
x = torch.randn(1200, 8)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()

model = Classifier()
model.train(x[:1000], y[:1000], epochs=20)

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
