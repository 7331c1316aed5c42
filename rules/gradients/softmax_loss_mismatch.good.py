import torch
from torch import nn

torch.manual_seed(16)
x = torch.randn(1200, 10)
tags = torch.stack([x[:, 0] > 0, x[:, 1] + x[:, 2] > 0, x[:, 3] > x[:, 4], x[:, 5] > -0.5], dim=1).float()


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 64), nn.ReLU())
        self.head = nn.Linear(64, 4)

    def forward(self, x):
        return torch.sigmoid(self.head(self.body(x)))


model = Tagger()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), tags[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", ((model(x[1000:]) > 0.5) == tags[1000:].bool()).float().mean().item())
