import torch
from torch import nn

torch.manual_seed(66)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

for epoch in range(21):
    model.train()
    for rows in torch.randperm(800).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]).float(), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
