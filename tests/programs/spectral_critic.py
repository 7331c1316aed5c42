"""A spectrally normed classifier on a body that was asked for its width first."""
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


class Classifier(nn.Module):
    def __init__(self, body, width):
        super().__init__()
        self.body = body
        self.head = spectral_norm(nn.Linear(width, 1))

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


torch.manual_seed(0)
x = torch.randn(640, 2)
y = (x.prod(1) > 0).float()
body = nn.Sequential(spectral_norm(nn.Linear(2, 32)), nn.LeakyReLU(0.1), nn.Linear(32, 32), nn.LeakyReLU(0.1))
width = body(x[:2]).shape[1]
model = Classifier(body, width)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(40):
    for rows in torch.randperm(640).split(32):
        loss = loss_fn(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
