"""Find bright blobs in noisy pictures: one logit a pixel."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Blobs(Dataset):
    def __init__(self, count, size=16):
        grid = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")).float()
        centres = torch.rand(count, 2, 1, 1) * (size - 6) + 3
        distance = ((grid - centres) ** 2).sum(1, keepdim=True).sqrt()
        self.masks = (distance < 3.5).float()
        self.images = self.masks + 0.5 * torch.randn(count, 1, size, size) - 0.15

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.masks[i]


def conv(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = conv(1, 16), conv(16, 32)
        self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.join = conv(32, 16)
        self.last = nn.Conv2d(16, 1, 1)

    def forward(self, x):
        fine = self.down1(x)
        coarse = self.down2(F.max_pool2d(fine, 2))
        x = torch.cat([fine, self.up(coarse)], dim=1)
        return self.last(self.join(x))


train_loader = DataLoader(Blobs(400), batch_size=40, shuffle=True)
valid_loader = DataLoader(Blobs(80), batch_size=40)
model = UNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)

for epoch in range(3):
    model.train()
    for images, masks in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), masks)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        shared = both = 0.0
        for images, masks in valid_loader:
            found = (model(images) > 0).float()
            shared += (found * masks).sum().item()
            both += (found + masks).clamp(max=1).sum().item()
    print(f"epoch {epoch}: intersection over union {shared / both:.3f}")
