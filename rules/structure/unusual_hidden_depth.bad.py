import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(61)
x = torch.randn(1200, 8)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()

# finding: unusual-hidden-depth
model = nn.Linear(8, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
