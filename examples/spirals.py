"""Three interleaved spirals, a classic of decision boundaries."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def make_spirals(n_per_arm=400, arms=3, seed=0):
    rng = np.random.default_rng(seed)
    points, labels = [], []
    for arm in range(arms):
        radius = np.linspace(0.1, 1, n_per_arm)
        angle = 4 * radius + 2 * np.pi * arm / arms + rng.normal(0, 0.12, n_per_arm)
        points.append(np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1))
        labels.append(np.full(n_per_arm, arm))
    return np.concatenate(points).astype("float32"), np.concatenate(labels)


def init_weights(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight)
        nn.init.zeros_(module.bias)


class SpiralNet(nn.Module):
    def __init__(self, width=128, depth=4):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.out = nn.Linear(width, 3)
        self.apply(init_weights)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.out(x)


if __name__ == "__main__":
    torch.manual_seed(0)
    x, y = make_spirals()
    dataset = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    train_set, val_set = random_split(dataset, [900, 300])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=300)

    model = SpiralNet()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    for epoch in range(20):
        model.train()
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(xb), yb)
            loss.backward()
            optimizer.step()

        model.eval()
        with torch.no_grad():
            xb, yb = next(iter(val_loader))
            logits = model(xb)
            val_loss = loss_fn(logits, yb).item()
            val_acc = (logits.argmax(1) == yb).float().mean().item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: val loss {val_loss:.3f}, val acc {val_acc:.3f}")
