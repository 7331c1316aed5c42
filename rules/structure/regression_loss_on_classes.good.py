import torch
from torch import nn

torch.manual_seed(13)
x = torch.randn(1200, 5)
defect = ((x[:, 0] > 1) | (x[:, 1] * x[:, 2] > 1)).float().unsqueeze(1)

model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)

for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), defect[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", ((model(x[1000:]) > 0.5) == defect[1000:].bool()).float().mean().item())
