import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(70)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 4))
criterion = nn.CrossEntropyLoss()
train_loader = DataLoader(TensorDataset(x[:700], y[:700]), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(x[700:800], y[700:800]), batch_size=100)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(25):
    model.train()
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        criterion(model(inputs), labels).backward()
        optimizer.step()
    model.eval()
    val_loss = 0.0
    with torch.no_grad():
        for inputs, labels in val_loader:
            # finding: best-weights-not-kept
            val_loss += criterion(model(inputs), labels).item()
    print(f"epoch {epoch}: {val_loss:.3f}")

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
