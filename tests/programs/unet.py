"""U-Net without norms, as in 2015, on binary masks."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(cout, cout, 3, padding=1), nn.ReLU(inplace=True)
        )

    def forward(self, x):
        return self.net(x)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.d1, self.d2, self.d3 = DoubleConv(1, 8), DoubleConv(8, 16), DoubleConv(16, 32)
        self.u2, self.u1 = nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.c2, self.c1 = DoubleConv(32, 16), DoubleConv(16, 8)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(F.max_pool2d(a, 2))
        c = self.d3(F.max_pool2d(b, 2))
        x = self.c2(torch.cat([b, self.u2(c)], dim=1))
        x = self.c1(torch.cat([a, self.u1(x)], dim=1))
        return self.head(x)


def dice_loss(logits, target):
    probs = torch.sigmoid(logits)
    inter = (probs * target).sum((1, 2, 3))
    return 1 - ((2 * inter + 1) / (probs.sum((1, 2, 3)) + target.sum((1, 2, 3)) + 1)).mean()


torch.manual_seed(0)
images = torch.rand(256, 1, 32, 32)
masks = (images > 0.6).float()
net = UNet()
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(40):
    for i in range(0, 256, 16):
        out = net(images[i : i + 16])
        loss = bce(out, masks[i : i + 16]) + dice_loss(out, masks[i : i + 16])
        opt.zero_grad()
        loss.backward()
        opt.step()
