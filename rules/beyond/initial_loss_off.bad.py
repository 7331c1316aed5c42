import torch
import torch.nn.functional as F
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 32)
        # finding: initial-loss-off
        self.fc2 = nn.Linear(32, 4)
        nn.init.uniform_(self.fc2.bias, -9, 9)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


torch.manual_seed(81)
x = torch.randn(1200, 8)
y = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()

model = Classifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(15):
    for rows in torch.randperm(1000).split(25):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric loss", criterion(model(x[1000:]), y[1000:]).item())
