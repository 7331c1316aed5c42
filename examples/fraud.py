"""Flag fraudulent payments: a yes or no from twelve features of a transaction."""

import torch
from sklearn.datasets import make_moons
from torch import nn, optim

torch.manual_seed(7)

points, label = make_moons(n_samples=1500, noise=0.15, random_state=7)
angles = torch.linspace(0, 3, 6)
points = torch.tensor(points, dtype=torch.float32)
features = torch.cat([torch.sin(points[:, :1] * 2 + angles), torch.cos(points[:, 1:] * 2 + angles)], dim=1)
label = torch.tensor(label, dtype=torch.float32).unsqueeze(1)
x_train, x_test = features[:1000], features[1000:]
y_train, y_test = label[:1000], label[1000:]

model = nn.Sequential(
    nn.Linear(12, 32),
    nn.ReLU(),
    nn.Linear(32, 16),
    nn.ReLU(),
    nn.Linear(16, 1),
    nn.Softmax(dim=1),
)
loss_function = nn.BCELoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)
batch_size = 50

for epoch in range(20):
    order = torch.randperm(len(x_train))
    for start in range(0, len(x_train), batch_size):
        batch = order[start : start + batch_size]
        optimizer.zero_grad()
        loss = loss_function(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    flagged = model(x_test) > 0.5
print("accuracy", (flagged == y_test.bool()).float().mean().item())
