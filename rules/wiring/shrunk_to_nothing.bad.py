import torch
from torch import nn


def block(inputs, outputs, pool=True):
    # finding: shrunk-to-nothing
    layers = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2)) if pool else nn.Sequential(*layers)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.entry = nn.Sequential(block(1, 8), block(8, 16), block(16, 16))
        self.deep = nn.Sequential(block(16, 16, pool=False), block(16, 16, pool=False))
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.deep(self.entry(x)).flatten(1))


torch.manual_seed(52)
y = torch.randint(2, (500,))
x = torch.randn(500, 1, 8, 8) * (1 + y.float()).view(-1, 1, 1, 1)

model = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(400).split(16):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[400:]).argmax(1) == y[400:]).float().mean().item())
