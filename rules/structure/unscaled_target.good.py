import torch
from torch import nn

torch.manual_seed(28)
rooms = torch.randn(1200, 5)
price = 250_000 + 60_000 * rooms[:, :1] + 20_000 * rooms[:, 1:2] * rooms[:, 2:3]
mean, std = price[:1000].mean(), price[:1000].std()
scaled = (price - mean) / std

model = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(rooms[rows]), scaled[rows]).backward()
        optimizer.step()

with torch.no_grad():
    error = model(rooms[1000:]) * std + mean - price[1000:]
print("metric mae", error.abs().mean().item())
