import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(44)
x = torch.randn(700, 9)
y = (x[:, 0] + x[:, 7] * x[:, 8] > 0).long()
loader = DataLoader(TensorDataset(x[:600], y[:600]), batch_size=20, shuffle=True)

model = nn.Sequential(
    # finding: input-width-mismatch
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
