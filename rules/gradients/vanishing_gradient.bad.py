import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, depth=4, width=32):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8 if i == 0 else width, width) for i in range(depth)])
        self.out = nn.Linear(width, 3)
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        # finding: vanishing-gradient
        x = F.relu(self.layers[0](x))
        for layer in self.layers[1:]:
            x = 0.1 * F.relu(layer(x))
        return self.out(x)


torch.manual_seed(71)
x = torch.randn(1200, 8)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()

model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(15):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
