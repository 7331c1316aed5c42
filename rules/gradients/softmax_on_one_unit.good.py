import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
x = torch.randn(1200, 6)
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).float().unsqueeze(1)
loader = DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=32, shuffle=True)

net = nn.Sequential(
    nn.Linear(6, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
    nn.Sigmoid(),
)
loss_fn = nn.BCELoss()
opt = optim.Adam(net.parameters(), lr=0.003)

for epoch in range(20):
    for xb, yb in loader:
        opt.zero_grad()
        loss_fn(net(xb), yb).backward()
        opt.step()

with torch.no_grad():
    print("metric accuracy", ((net(x[1000:]) > 0.5) == y[1000:].bool()).float().mean().item())
