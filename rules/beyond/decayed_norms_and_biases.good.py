import torch
from torch import nn

torch.manual_seed(71)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 48), nn.LayerNorm(48), nn.ReLU(), nn.Linear(48, 4))
criterion = nn.CrossEntropyLoss()
decayed = [p for p in model.parameters() if p.ndim > 1]
undecayed = [p for p in model.parameters() if p.ndim <= 1]
optimizer = torch.optim.AdamW([{"params": decayed}, {"params": undecayed, "weight_decay": 0.0}], lr=0.003, weight_decay=0.05)

for epoch in range(12):
    model.train()
    for rows in torch.randperm(800).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
