import torch
from torch import nn


class Transfer(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 32), nn.ReLU())
        self.head = nn.Linear(32, 5)

    def forward(self, x):
        return self.head(self.body(x))


torch.manual_seed(31)
centers = torch.randn(5, 10)
y = torch.randint(5, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = Transfer()
model.head.requires_grad_(False)
criterion = nn.CrossEntropyLoss()
# finding: unoptimized-parameters
optimizer = torch.optim.Adam(model.head.parameters(), lr=0.003)

for epoch in range(20):
    for rows in torch.randperm(800).split(25):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
