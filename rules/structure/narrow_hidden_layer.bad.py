import torch
from torch import nn

torch.manual_seed(21)
centers = torch.randn(10, 24)
y = torch.randint(10, (1200,))
x = centers[y] + 0.8 * torch.randn(1200, 24)

model = nn.Sequential(
    nn.Linear(24, 64),
    nn.ReLU(),
    # finding: narrow-hidden-layer
    nn.Linear(64, 2),
    nn.ReLU(),
    nn.Linear(2, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
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
