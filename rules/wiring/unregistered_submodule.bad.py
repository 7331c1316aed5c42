import torch
import torch.nn.functional as F
from torch import nn


class Classifier(nn.Module):
    def __init__(self, features, classes, depth=3):
        super().__init__()
        self.entry = nn.Linear(features, 32)
        # finding: unregistered-submodule
        self.hidden = [nn.Linear(32, 32) for _ in range(depth)]
        self.exit = nn.Linear(32, classes)

    def forward(self, x):
        x = F.relu(self.entry(x))
        for layer in self.hidden:
            x = F.relu(layer(x))
        return self.exit(x)


torch.manual_seed(41)
x = torch.randn(1200, 8)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] * x[:, 3] > 0).long()

model = Classifier(8, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
