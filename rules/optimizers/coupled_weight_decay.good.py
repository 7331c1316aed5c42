import torch
from torch import nn

torch.manual_seed(31)
x = torch.randn(1200, 12)
y = ((x[:, 0] * x[:, 1] + x[:, 2]) > 0).long()

model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)

for epoch in range(20):
    model.train()
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    right = model(x[1000:]).argmax(1) == y[1000:]
print("metric accuracy", right.float().mean().item())
