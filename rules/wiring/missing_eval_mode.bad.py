import torch
from torch import nn

torch.manual_seed(56)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    model.train()
    for rows in torch.randperm(800).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    # finding: missing-eval-mode
    accuracy = (model(x[800:]).argmax(1) == y[800:]).float().mean()
print("metric accuracy", accuracy.item())
