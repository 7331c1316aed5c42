"""Two moons; the layers live in a ModuleDict and the activation is chosen by name."""

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(9)
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "gelu": nn.functional.gelu}


class Branches(nn.Module):
    def __init__(self, width=24, activation="relu"):
        super().__init__()
        self.act = ACTIVATIONS[activation]
        self.layers = nn.ModuleDict(
            {
                "first": nn.Linear(2, width),
                "second": nn.Linear(width, width),
                "out": nn.Linear(width, 1),
            }
        )

    def forward(self, x):
        x = self.act(self.layers["first"](x))
        x = self.act(self.layers["second"](x))
        return self.layers["out"](x)


points, moon = make_moons(900, noise=0.15, random_state=0)
points = torch.tensor(points, dtype=torch.float32)
moon = torch.tensor(moon, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(points[:700], moon[:700]), batch_size=32, shuffle=True)

model = Branches()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(10):
    model.train()
    running_loss = 0.0
    for batch, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), target)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()

model.eval()
with torch.no_grad():
    right = ((model(points[700:]) > 0).float() == moon[700:]).float().mean().item()
print(f"loss {running_loss / len(loader):.3f}, right {right:.3f}")
