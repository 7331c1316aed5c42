import torch
from torch import nn

torch.manual_seed(66)
x = torch.randn(1200, 10)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()

model = nn.Sequential(
    nn.Linear(10, 64),
    nn.SELU(),
    nn.AlphaDropout(p=0.2),
    nn.Linear(64, 3),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    model.train()
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
