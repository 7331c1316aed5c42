import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ShapeNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(16 * 4 * 4, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.fc(torch.flatten(x, 1))
        # finding: dropout-on-output
        return self.dropout(x)


torch.manual_seed(4)
kinds = torch.randint(3, (800,))
images = 1.2 * torch.randn(800, 1, 16, 16)
for image, kind in zip(images, kinds):
    image[0, 4 * kind : 4 * kind + 4, 4:12] += 1
train = DataLoader(TensorDataset(images[:600], kinds[:600]), batch_size=20, shuffle=True)

model = ShapeNet()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
for epoch in range(2):
    model.train()
    for xb, yb in train:
        optimizer.zero_grad()
        F.cross_entropy(model(xb), yb).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(images[600:]).argmax(1) == kinds[600:]).float().mean().item())
