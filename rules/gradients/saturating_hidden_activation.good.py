import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)
x = torch.randn(1200, 10)
y = (torch.sin(2 * x[:, 0]) + x[:, 1] > 0).long() + (x[:, 2] > 0).long()

model = nn.Sequential(
    nn.Linear(10, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 3),
)
for layer in (model[0], model[2], model[4], model[6]):
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)

for epoch in range(20):
    for xb, yb in DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=32, shuffle=True):
        optimizer.zero_grad()
        loss_function(model(xb), yb).backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
