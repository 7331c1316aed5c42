"""Inverted residuals with linear bottlenecks."""
import torch
from torch import nn


def conv_bn(cin, cout, k, stride=1, groups=1, act=True):
    layers = [nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if act else []))


class InvertedResidual(nn.Module):
    def __init__(self, cin, cout, stride, expand):
        super().__init__()
        wide = cin * expand
        self.use_res = stride == 1 and cin == cout
        self.conv = nn.Sequential(conv_bn(cin, wide, 1), conv_bn(wide, wide, 3, stride, wide), conv_bn(wide, cout, 1, act=False))

    def forward(self, x):
        return x + self.conv(x) if self.use_res else self.conv(x)


class MobileNet(nn.Module):
    def __init__(self, classes=6):
        super().__init__()
        self.features = nn.Sequential(
            conv_bn(3, 8, 3, 2), InvertedResidual(8, 12, 1, 4), InvertedResidual(12, 12, 1, 4),
            InvertedResidual(12, 16, 2, 4), conv_bn(16, 64, 1),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


def train():
    torch.manual_seed(0)
    x, y = torch.rand(320, 3, 24, 24), torch.randint(6, (320,))
    model = MobileNet()
    opt = torch.optim.RMSprop(model.parameters(), lr=0.002, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(60):
        for rows in torch.randperm(320).split(32):
            opt.zero_grad()
            loss_fn(model(x[rows]), y[rows]).backward()
            opt.step()


if __name__ == "__main__":
    train()
