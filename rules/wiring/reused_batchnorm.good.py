import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 32, bias=False)
        self.fc2 = nn.Linear(32, 32, bias=False)
        self.bn1 = nn.BatchNorm1d(32)
        self.bn2 = nn.BatchNorm1d(32)
        self.out = nn.Linear(32, 3)

    def forward(self, x):
        x = F.relu(self.bn1(self.fc1(x)))
        x = F.relu(self.bn2(self.fc2(x)))
        return self.out(x)


torch.manual_seed(51)
x = 5 + 4 * torch.rand(1200, 8)
y = (x[:, 0] > 7).long() + (x[:, 1] > x[:, 2]).long()

model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(1000).split(25):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric loss", F.cross_entropy(model(x[1000:]), y[1000:]).item())
