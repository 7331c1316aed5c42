"""The next value of a noisy wave, from the forty before it."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
WINDOW = 40


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, series):
        states, _ = self.lstm(series)
        return self.head(states[:, -1])


time = torch.linspace(0, 90, 900)
wave = torch.sin(time) + 0.4 * torch.sin(2.7 * time) + 0.05 * torch.randn(900)
windows = wave.unfold(0, WINDOW + 1, 1)
past, future = windows[:, :WINDOW].unsqueeze(-1), windows[:, WINDOW:]
train, test = slice(0, 650), slice(700, None)
loader = DataLoader(TensorDataset(past[train], future[train]), batch_size=32, shuffle=True)

model = Forecaster()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)

for epoch in range(5):
    model.train()
    epoch_loss = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        epoch_loss += loss.item()
    model.eval()
    with torch.no_grad():
        held_out = loss_fn(model(past[test]), future[test])
    scheduler.step(held_out)
    print(f"epoch {epoch + 1}: train {epoch_loss / len(loader):.4f}, held out {held_out.item():.4f}")
