"""Friedman's regression problem; a network made by a function, a loop with a running mean."""

import torch
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)

x, y = make_friedman1(n_samples=1000, n_features=8, noise=0.5, random_state=2)
x_train, x_test = x[:800], x[800:]
y_train, y_test = y[:800].reshape(-1, 1), y[800:].reshape(-1, 1)

inputs, targets = StandardScaler(), StandardScaler()
x_train = torch.tensor(inputs.fit_transform(x_train), dtype=torch.float32)
x_test = torch.tensor(inputs.transform(x_test), dtype=torch.float32)
y_train = torch.tensor(targets.fit_transform(y_train), dtype=torch.float32)
y_test = torch.tensor(targets.transform(y_test), dtype=torch.float32)


def network(features, width=40):
    return nn.Sequential(
        nn.Linear(features, width),
        nn.SiLU(),
        nn.Linear(width, width),
        nn.SiLU(),
        nn.Linear(width, 1),
    )


net = network(8)
loss_fn = nn.MSELoss()
opt = optim.Adam(net.parameters(), lr=3e-3)
sched = optim.lr_scheduler.ExponentialLR(opt, gamma=0.95)
batches = DataLoader(TensorDataset(x_train, y_train), batch_size=40, shuffle=True)

for epoch in range(12):
    net.train()
    mean = 0.0
    for step, (xb, yb) in enumerate(batches, 1):
        opt.zero_grad()
        loss = loss_fn(net(xb), yb)
        loss.backward()
        opt.step()
        mean += (loss.item() - mean) / step
    sched.step()

net.eval()
with torch.no_grad():
    held_out = loss_fn(net(x_test), y_test).item()
print(f"train {mean:.3f}, held out {held_out:.3f}")
