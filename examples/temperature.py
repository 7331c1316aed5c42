"""Tomorrow's temperature in degrees from the last fourteen days."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class Forecaster(nn.Module):
    def __init__(self, days=14, hidden=48):
        super().__init__()
        self.norm = nn.BatchNorm1d(days)
        self.fc1 = nn.Linear(days, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 1)

    def forward(self, x):
        x = self.norm(x)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return torch.sigmoid(self.fc3(x))


def synthetic_station(n_days=3000, seed=11):
    """Seasons, some memory, and weather."""
    generator = torch.Generator().manual_seed(seed)
    day = torch.arange(n_days)
    season = 9.0 - 11.0 * torch.cos(2 * torch.pi * day / 365.25)
    noise = torch.randn(n_days, generator=generator) * 2.2
    weather = torch.zeros(n_days)
    for i in range(1, n_days):
        weather[i] = 0.8 * weather[i - 1] + noise[i]
    return season + weather


def windows(series, days=14):
    x = series.unfold(0, days, 1)[:-1]
    y = series[days:].unsqueeze(1)
    return x, y


torch.manual_seed(0)
x, y = windows(synthetic_station())
cut = int(0.8 * len(x))
loader = DataLoader(TensorDataset(x[:cut], y[:cut]), batch_size=32, shuffle=True)

model = Forecaster()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    error = (model(x[cut:]) - y[cut:]).abs().mean().item()
print(f"mean absolute error {error:.2f} degrees")
