import torch
import torch.nn.functional as F
from torch import nn


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(40, 64), nn.ReLU())
        self.mean = nn.Linear(64, 4)
        self.logvar = nn.Linear(64, 4)
        self.decoder = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 40))

    def forward(self, x):
        h = self.encoder(x)
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        return self.decoder(z), mean, logvar


torch.manual_seed(54)
x = torch.tanh(torch.randn(900, 2) @ torch.randn(2, 40))

model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    for rows in torch.randperm(800).split(25):
        decoded, mean, logvar = model(x[rows])
        # finding: vae-loss-scales-mixed
        reconstruction = F.mse_loss(decoded, x[rows])
        divergence = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
        loss = reconstruction + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric error", (model(x[800:])[0] - x[800:]).square().mean().item())
