import torch
from torch import nn


class Gauge(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())

    def forward(self, x):
        return self.net(x)


torch.manual_seed(22)
x = torch.randn(1200, 6)
y = (x[:, :1] + x[:, 1:2] ** 2 > 1).float()

model = Gauge()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric loss", criterion(model(x[1000:]), y[1000:]).item())
