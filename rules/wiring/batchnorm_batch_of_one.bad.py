import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(45)
x = torch.randn(801, 10)
y = (x[:, 0] * x[:, 1] > 0).long()
# finding: batchnorm-batch-of-one
loader = DataLoader(TensorDataset(x[:601], y[:601]), batch_size=20, shuffle=True)

model = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    model.train()
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[601:]).argmax(1) == y[601:]).float().mean().item())
