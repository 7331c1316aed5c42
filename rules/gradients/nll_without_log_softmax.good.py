import torch
from torch import nn

torch.manual_seed(18)
centers = torch.randn(6, 14)
y = torch.randint(6, (1200,))
x = centers[y] + torch.randn(1200, 14)

model = nn.Sequential(
    nn.Linear(14, 40),
    nn.ReLU(),
    nn.Linear(40, 6),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
