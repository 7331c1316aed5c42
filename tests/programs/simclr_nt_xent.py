"""SimCLR with NT-Xent: similarities to oneself are masked, every sample is a class of its own, batches are large."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Views(Dataset):
    def __init__(self):
        self.images = torch.rand(2000, 1, 8, 8)

    def __len__(self):
        return len(self.images)

    def view(self, x):
        return torch.roll(x, tuple(torch.randint(-1, 2, (2,)).tolist()), (1, 2)) + 0.1 * torch.randn_like(x)

    def __getitem__(self, i):
        return self.view(self.images[i]), self.view(self.images[i])


class Encoder(nn.Module):
    def __init__(self, feature_dim=32):
        super().__init__()
        self.f = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, stride=2, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.g = nn.Sequential(nn.Linear(32, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, feature_dim))

    def forward(self, x):
        feature = torch.flatten(self.f(x), start_dim=1)
        return F.normalize(feature, dim=-1), F.normalize(self.g(feature), dim=-1)


def nt_xent(z1, z2, temperature=0.5):
    z = torch.cat([z1, z2])
    n = len(z1)
    similarity = z @ z.t() / temperature
    similarity = similarity.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    labels = torch.cat([torch.arange(n) + n, torch.arange(n)])
    return F.cross_entropy(similarity, labels)


if __name__ == "__main__":
    torch.manual_seed(0)
    loader = DataLoader(Views(), batch_size=256, shuffle=True, drop_last=True)
    model = Encoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-6)
    for epoch in range(60):
        for one, two in loader:
            _, z1 = model(one)
            _, z2 = model(two)
            loss = nt_xent(z1, z2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
