import torch
from torch import nn

torch.manual_seed(11)
x = torch.randn(1200, 8)
churned = (x[:, 0] + x[:, 1] * x[:, 2] > 0).float().unsqueeze(1)

model = nn.Sequential(
    nn.Linear(8, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), churned[rows])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", ((model(x[1000:]) > 0) == churned[1000:].bool()).float().mean().item())
