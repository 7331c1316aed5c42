import torch
from torch import nn

torch.manual_seed(44)
patterns = torch.randn(4, 1, 5, 5)
y = torch.randint(4, (1000,))
x = 0.7 * torch.randn(1000, 1, 10, 10)
x[:, :, 2:7, 3:8] += patterns[y]

model = nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(64, 4)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

for epoch in range(4):
    model.train()
    for rows in torch.randperm(800).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
