import torch
from torch import nn

torch.manual_seed(62)
y = torch.randint(2, (360,))
x = 0.3 * torch.randn(360, 1, 32, 32)
for i in range(360):
    row, column = torch.randint(0, 28, (2,)).tolist()
    size = (4, 2) if y[i] else (2, 4)
    x[i, 0, row : row + size[0], column : column + size[1]] += 1

model = nn.Sequential(
    nn.Flatten(),
    # finding: dense-only-image-model
    nn.Linear(1024, 64),
    nn.ReLU(),
    nn.Linear(64, 2),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
for epoch in range(50):
    for rows in torch.randperm(300).split(20):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[300:]).argmax(1) == y[300:]).float().mean().item())
