"""Learn features of digits without labels from two noisy views of each, then train a linear classifier on them."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, TensorDataset

FEATURES = 64
TEMPERATURE = 0.2


class Views(Dataset):
    """Two different shifts of a picture, with noise."""

    def __init__(self, images, noise=0.15):
        self.images = images
        self.noise = noise

    def __len__(self):
        return len(self.images)

    def view(self, image):
        down, right = torch.randint(-1, 2, (2,)).tolist()
        moved = torch.roll(image, shifts=(down, right), dims=(-2, -1))
        return moved + self.noise * torch.randn_like(moved)

    def __getitem__(self, index):
        image = self.images[index]
        return self.view(image), self.view(image)


class Backbone(nn.Module):
    """Features of a picture."""

    def __init__(self, features):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, features),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.layers(x)


class Projector(nn.Module):
    """Where views are compared; thrown away afterwards."""

    def __init__(self, features, size=32):
        super().__init__()
        self.hidden = nn.Linear(features, features)
        self.out = nn.Linear(features, size)

    def forward(self, features):
        return F.normalize(self.out(F.relu(self.hidden(features))), dim=-1)


class SimCLR(nn.Module):
    """Backbone and projector."""

    def __init__(self, features=FEATURES):
        super().__init__()
        self.backbone = Backbone(features)
        self.projector = Projector(features)

    def forward(self, x):
        return self.projector(self.backbone(x))


def nt_xent(first, second, temperature=TEMPERATURE):
    """Each view has to find its partner among all others of the batch."""
    both = torch.cat([first, second])
    similarity = both @ both.T / temperature
    itself = torch.eye(len(both), dtype=torch.bool)
    similarity = similarity.masked_fill(itself, -1e9)
    half = len(first)
    partner = torch.cat([torch.arange(half) + half, torch.arange(half)])
    return F.cross_entropy(similarity, partner)


def pretrain(model, loader, epochs, lr):
    """Train without labels, with warm-up and cosine decay."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-4)
    steps = epochs * len(loader)
    warm_up = max(1, steps // 10)

    def factor(step):
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for first, second in loader:
            optimizer.zero_grad()
            loss = nt_xent(model(first), model(second))
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        print(f"views, epoch {epoch}: loss {total / len(loader):.3f}")


@torch.no_grad()
def features_of(backbone, images):
    """Features of pictures as they are."""
    backbone.eval()
    return torch.cat([backbone(part) for part in images.split(256)])


def classify(train, train_labels, test, test_labels, epochs=12):
    """Train a linear classifier on features and return its accuracy."""
    mean, std = train.mean(0), train.std(0) + 1e-3
    train, test = (train - mean) / std, (test - mean) / std
    head = nn.Linear(train.shape[1], 10)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.05, momentum=0.9)
    loader = DataLoader(TensorDataset(train, train_labels), batch_size=64, shuffle=True)
    for _ in range(epochs):
        for features, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(head(features), labels)
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return (head(test).argmax(dim=1) == test_labels).float().mean().item()


def split(share=0.8, seed=0):
    """Standardized pictures and labels: to learn from, and held out."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    cut = int(share * len(images))
    return images[order[:cut]], labels[order[:cut]], images[order[cut:]], labels[order[cut:]]


def main():
    torch.manual_seed(0)
    train_images, train_labels, test_images, test_labels = split()
    loader = DataLoader(Views(train_images), batch_size=64, shuffle=True, drop_last=True)
    model = SimCLR()
    pretrain(model, loader, epochs=3, lr=2e-3)
    train_features = features_of(model.backbone, train_images)
    test_features = features_of(model.backbone, test_images)
    accuracy = classify(train_features, train_labels, test_features, test_labels)
    print(f"a linear classifier on the features: {100 * accuracy:.1f} % right")


if __name__ == "__main__":
    main()
