"""A frozen backbone with a new head, and a low rate for what is thawed."""
import io

import torch
from torch import nn


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(24, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.fc = nn.Linear(64, 100)

    def forward(self, x):
        return self.fc(self.features(x))


torch.manual_seed(0)
saved = io.BytesIO()
torch.save(Backbone().state_dict(), saved)
saved.seek(0)

model = Backbone()
model.load_state_dict(torch.load(saved))
for parameter in model.parameters():
    parameter.requires_grad = False
model.fc = nn.Linear(64, 7)
x, y = torch.randn(300, 24), torch.randint(7, (300,))
optimizer = torch.optim.AdamW(model.fc.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(5):
    for rows in torch.randperm(300).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()
