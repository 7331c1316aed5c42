import torch
from torch import nn

torch.manual_seed(75)
x = torch.randn(1200, 8)
y = (torch.sin(2 * x[:, 0]) + x[:, 1] > 0).long()

model = nn.Sequential(
    nn.Linear(8, 32),
    # finding: activation-off-goal
    nn.ReLU(),
    nn.Linear(32, 2),
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
