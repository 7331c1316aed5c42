import torch
from torch import nn

torch.manual_seed(3)
x = torch.rand(1200, 4) * 2 - 1
temperature = 3 * x[:, :1] - 2 * x[:, 1:2] ** 2 + 0.1 * torch.randn(1200, 1)

model = nn.Sequential(
    nn.Linear(4, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), temperature[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric rmse", criterion(model(x[1000:]), temperature[1000:]).sqrt().item())
