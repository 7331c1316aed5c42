import torch
import torch.nn.functional as F
from torch import nn


# finding: ignored-input
class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Linear(6, 16)
        self.right = nn.Linear(6, 16)
        self.head = nn.Linear(32, 2)

    def forward(self, a, b):
        u = F.relu(self.left(a))
        v = F.relu(self.right(a))
        return self.head(torch.cat([u, v], dim=1))


torch.manual_seed(50)
a = torch.randn(1000, 6)
b = torch.randn(1000, 6)
y = (a[:, 0] + b[:, 0] > 0).long()

model = TwoTowers()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for rows in torch.randperm(800).split(25):
        optimizer.zero_grad()
        F.cross_entropy(model(a[rows], b[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(a[800:], b[800:]).argmax(1) == y[800:]).float().mean().item())
