import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(8, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Softplus(),
            nn.Linear(32, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Softplus(),
            nn.Linear(32, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Softplus(),
            nn.Linear(32, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Softplus(),
            nn.Linear(32, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Softplus(),
            nn.Linear(32, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Softplus(),
            nn.Linear(32, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Softplus(),
            nn.Linear(32, 3),
        )

    def forward(self, x):
        return self.layers(x)


torch.manual_seed(73)
x = torch.randn(1200, 8)
y = (x[:, 0] + x[:, 1] > 0).long() + (x[:, 2] > 0).long()

model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(1000).split(40):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
