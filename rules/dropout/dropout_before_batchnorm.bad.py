import torch
from torch import nn


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            # finding: dropout-before-batchnorm
            nn.Dropout(0.25),
            nn.Flatten(),
        )
        self.head = nn.Sequential(
            nn.Linear(8 * 4 * 4, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Linear(32, 3),
        )

    def forward(self, x):
        return self.head(self.features(x))


torch.manual_seed(27)
y = torch.randint(3, (600,))
x = torch.randn(600, 1, 8, 8)
for image, kind in zip(x, y):
    image[0, 2 * kind : 2 * kind + 3] += 1

model = ConvNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
for epoch in range(15):
    model.train()
    for rows in torch.randperm(500).split(20):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[500:]).argmax(1) == y[500:]).float().mean().item())
