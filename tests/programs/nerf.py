"""Eight layers with a skip in the middle and Fourier features in front, as in NeRF."""
import torch
import torch.nn.functional as F
from torch import nn


class Field(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.register_buffer("frequencies", 2.0 ** torch.arange(4))
        size = 3 * 8
        self.first = nn.ModuleList([nn.Linear(size if i == 0 else width, width) for i in range(4)])
        self.second = nn.ModuleList([nn.Linear(width + size if i == 0 else width, width) for i in range(4)])
        self.colour = nn.Linear(width, 3)
        self.density = nn.Linear(width, 1)

    def forward(self, x):
        angles = (x.unsqueeze(-1) * self.frequencies).flatten(1)
        encoded = torch.cat([angles.sin(), angles.cos()], dim=1)
        h = encoded
        for layer in self.first:
            h = F.relu(layer(h))
        h = torch.cat([h, encoded], dim=1)
        for layer in self.second:
            h = F.relu(layer(h))
        return torch.sigmoid(self.colour(h)) * F.softplus(self.density(h))


torch.manual_seed(0)
points = torch.rand(2048, 3) * 2 - 1
colours = torch.rand(2048, 3)
model = Field()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
for epoch in range(40):
    for rows in torch.randperm(2048).split(64):
        loss = F.mse_loss(model(points[rows]), colours[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
