import torch
from torch import nn

torch.manual_seed(28)
rooms = torch.randn(1200, 5)
price = 250_000 + 60_000 * rooms[:, :1] + 20_000 * rooms[:, 1:2] * rooms[:, 2:3]

model = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1))
# finding: unscaled-target
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(rooms[rows]), price[rows]).backward()
        optimizer.step()

with torch.no_grad():
    error = model(rooms[1000:]) - price[1000:]
print("metric mae", error.abs().mean().item())
