import torch
from torch import nn

torch.manual_seed(5)
x = torch.randn(1200, 16)
y = (x[:, :8].prod(1) > 0).long() + 2 * (x[:, 8] > 0).long()

model = nn.Sequential(
    # finding: init-mismatched-to-activation
    nn.Linear(16, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 4),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

for epoch in range(20):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[1000:]).argmax(1) == y[1000:]).float().mean().item())
