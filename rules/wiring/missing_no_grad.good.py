import torch
from torch import nn

torch.manual_seed(57)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    model.train()
    for rows in torch.randperm(800).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
right = 0
with torch.no_grad():
    for rows in torch.arange(800, 1000).split(50):
        right += (model(x[rows]).argmax(1) == y[rows]).sum().item()
print("metric accuracy", right / 200)
