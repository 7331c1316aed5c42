import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(14, 40)
        self.fc2 = nn.Linear(40, 6)

    def forward(self, x):
        x = self.fc2(F.relu(self.fc1(x)))
        return F.log_softmax(x, dim=-1)


torch.manual_seed(17)
centers = torch.randn(6, 14)
y = torch.randint(6, (1200,))
x = centers[y] + 1.5 * torch.randn(1200, 14)

model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(4):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        F.nll_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
