import torch
from torch import nn

torch.manual_seed(44)
centers = torch.randn(4, 12)
y = torch.randint(4, (900,))
x = centers[y] + torch.randn(900, 12)

model = nn.Sequential(
    nn.Linear(12, 32, bias=False),
    # finding: batchnorm-momentum-inverted
    nn.BatchNorm1d(32, momentum=0.99),
    nn.ReLU(),
    nn.Linear(32, 4),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(10):
    model.train()
    for rows in torch.randperm(700).split(10):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[700:]).argmax(1) == y[700:]).float().mean().item())
