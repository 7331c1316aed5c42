import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 64)
        self.fc2 = nn.Linear(64, 3)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        # finding: dropout-at-inference
        x = F.dropout(x, 0.5)
        return self.fc2(x)


torch.manual_seed(45)
x = torch.randn(1200, 8)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()

model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(15):
    model.train()
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
