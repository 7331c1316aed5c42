import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(30)
x = torch.randn(2200, 10)
y = (x[:, 0] * x[:, 1] > 0).long() + 2 * (x[:, 2] > 0).long()
loader = DataLoader(TensorDataset(x[:2000], y[:2000]), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 4))
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

for epoch in range(15):
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss_function(model(inputs), labels).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[2000:]).argmax(1) == y[2000:]).float().mean().item())
