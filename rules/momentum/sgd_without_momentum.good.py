import torch
from torch import nn

torch.manual_seed(25)
x = torch.randn(1200, 8)
y = x[:, :1] * x[:, 1:2] + torch.sin(x[:, 2:3])

model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric mse", criterion(model(x[1000:]), y[1000:]).item())
