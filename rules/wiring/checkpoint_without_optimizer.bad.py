import io

import torch
from torch import nn

torch.manual_seed(65)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
checkpoint = io.BytesIO()

for epoch in range(25):
    model.train()
    for rows in torch.randperm(800).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()
    checkpoint.seek(0)
    # finding: checkpoint-without-optimizer
    torch.save({"model": model.state_dict(), "epoch": epoch}, checkpoint)

checkpoint.seek(0)
state = torch.load(checkpoint)
model.load_state_dict(state["model"])
print("back in epoch", state["epoch"])

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
