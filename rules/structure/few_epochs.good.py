import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(29)
centers = torch.randn(6, 12)
y = torch.randint(6, (1000,))
x = centers[y] + torch.randn(1000, 12)
loader = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=40, shuffle=True)

model = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 6))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

for epoch in range(40):
    for inputs, labels in loader:
        optimizer.zero_grad()
        criterion(model(inputs), labels).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
