import torch
import torch.nn.functional as F
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        # finding: capacity-mismatch
        self.hidden = nn.Linear(12, 2)
        self.out = nn.Linear(2, 4)

    def forward(self, x):
        return self.out(F.relu(self.hidden(x)))


torch.manual_seed(63)
x = torch.randn(1200, 12)
y = (x[:, 0] * x[:, 1] > 0).long() + 2 * (x[:, 2] + x[:, 3] > 0).long()

model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
