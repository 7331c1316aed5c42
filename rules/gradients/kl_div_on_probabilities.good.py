import torch
from torch import nn

torch.manual_seed(46)
x = torch.randn(900, 12)
topics = (x @ torch.randn(12, 4)).softmax(1)

model = nn.Sequential(
    nn.Linear(12, 32),
    nn.ReLU(),
    nn.Linear(32, 4),
    nn.LogSoftmax(dim=1),
)
criterion = nn.KLDivLoss(reduction="batchmean")
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    for rows in torch.randperm(800).split(25):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), topics[rows])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == topics[800:].argmax(1)).float().mean().item())
