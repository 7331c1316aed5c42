import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(12)
centers = torch.randn(4, 10)
labels = torch.randint(4, (1000,))
points = centers[labels] + torch.randn(1000, 10)
loader = DataLoader(TensorDataset(points[:800], labels[:800]), batch_size=16, shuffle=True)

net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 4))
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(net.parameters(), lr=0.001)

for epoch in range(12):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(net(inputs), targets)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric loss", criterion(net(points[800:]), labels[800:]).item())
