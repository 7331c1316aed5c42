import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)
x = torch.randn(700, 8)
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long()
x[300:303, 4] = float("nan")
loader = DataLoader(TensorDataset(x[:600], y[:600]), batch_size=20, shuffle=True)

model = nn.Sequential(
    # finding: broken-data
    nn.Linear(8, 64),
    nn.ReLU(),
    nn.Linear(64, 2),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[600:]).argmax(1) == y[600:]).float().mean().item())
