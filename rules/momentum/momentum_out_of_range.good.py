import torch
from torch import nn

torch.manual_seed(26)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

for epoch in range(15):
    for rows in torch.randperm(800).split(25):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric loss", criterion(model(x[800:]), y[800:]).item())
