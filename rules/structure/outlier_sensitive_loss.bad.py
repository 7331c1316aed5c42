import torch
from torch import nn

torch.manual_seed(49)
x = torch.randn(1000, 6)
clean = x[:, :1] + 0.5 * x[:, 1:2]
measured = clean + 0.1 * torch.randn(1000, 1)
measured[torch.arange(0, 900, 30)] += 40.0

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
# finding: outlier-sensitive-loss
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    for rows in torch.randperm(900).split(25):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), measured[rows])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric error", (model(x[900:]) - clean[900:]).abs().mean().item())
