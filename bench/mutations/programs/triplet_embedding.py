"""Embeddings of handwritten digits in which the same digit is near: triplet loss, scored by nearest neighbours."""

from collections import defaultdict

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class Triplets(Dataset):
    """An anchor, another picture of the same digit, a picture of another digit."""

    def __init__(self, images, labels, seed=0):
        self.images = torch.as_tensor(images, dtype=torch.float32).unsqueeze(1)
        self.labels = np.asarray(labels)
        self.rng = np.random.default_rng(seed)
        self.places = defaultdict(list)
        for place, label in enumerate(self.labels):
            self.places[label].append(place)

    def __len__(self):
        return len(self.images)

    def other(self, label):
        """A digit that is not `label`."""
        return (label + self.rng.integers(1, 10)) % 10

    def __getitem__(self, index):
        label = self.labels[index]
        positive = self.rng.choice(self.places[label])
        negative = self.rng.choice(self.places[self.other(label)])
        return self.images[index], self.images[positive], self.images[negative]


class SqueezeExcite(nn.Module):
    """Weighs channels by what is in all of them."""

    def __init__(self, channels, reduction=4):
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)

    def forward(self, x):
        weights = F.relu(self.reduce(x.mean(dim=(2, 3))))
        weights = torch.sigmoid(self.expand(weights))
        return x * weights[:, :, None, None]


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.excite = SqueezeExcite(channels)

    def forward(self, x):
        inner = F.relu(self.bn1(self.conv1(x)))
        inner = self.excite(self.bn2(self.conv2(inner)))
        return F.relu(x + inner)


class EmbeddingNet(nn.Module):
    """Unit vectors of pictures."""

    def __init__(self, channels=16, size=16):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.body = nn.Sequential(Residual(channels), nn.MaxPool2d(2), Residual(channels))
        self.head = nn.Linear(channels * 4 * 4, size)

    def forward(self, images):
        x = self.body(F.relu(self.stem(images)))
        return F.normalize(self.head(x.flatten(1)), dim=1)


class Monitor:
    """Mean loss and share of triplets that are still too near."""

    def __init__(self, margin):
        self.margin = margin
        self.loss = self.near = 0.0
        self.batches = 0

    def update(self, loss, anchor, positive, negative):
        gap = (anchor - negative).norm(dim=1) - (anchor - positive).norm(dim=1)
        self.loss += loss.item()
        self.near += (gap < self.margin).float().mean().item()
        self.batches += 1

    def __str__(self):
        return f"loss {self.loss / self.batches:.3f}, too near {100 * self.near / self.batches:.0f} %"


def train_epoch(model, loader, criterion, optimizer):
    """One pass over all anchors."""
    model.train()
    monitor = Monitor(criterion.margin)
    for anchors, positives, negatives in loader:
        optimizer.zero_grad()
        anchor, positive, negative = model(anchors), model(positives), model(negatives)
        loss = criterion(anchor, positive, negative)
        loss.backward()
        optimizer.step()
        monitor.update(loss, anchor, positive, negative)
    return monitor


@torch.no_grad()
def embed(model, images):
    """Unit vectors of all pictures."""
    model.eval()
    return torch.cat([model(part) for part in images.split(200)])


def nearest_accuracy(model, known_images, known_labels, images, labels):
    """The share of pictures whose nearest known picture shows the same digit."""
    known, asked = embed(model, known_images), embed(model, images)
    nearest = (asked @ known.T).argmax(dim=1)
    return float((known_labels[nearest.numpy()] == labels).mean())


def load():
    """Pictures between -1 and 1, and their digits."""
    digits = load_digits()
    images = digits.images.astype("float32") / 8 - 1
    return train_test_split(images, digits.target, test_size=0.3, random_state=0, stratify=digits.target)


def main():
    torch.manual_seed(0)
    train_images, test_images, train_labels, test_labels = load()
    train_set = Triplets(train_images, train_labels)
    loader = DataLoader(train_set, batch_size=48, shuffle=True, drop_last=True)
    model = EmbeddingNet()
    criterion = nn.TripletMarginLoss(margin=0.4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.6)
    test_tensor = torch.from_numpy(test_images).unsqueeze(1)
    for epoch in range(3):
        monitor = train_epoch(model, loader, criterion, optimizer)
        scheduler.step()
        accuracy = nearest_accuracy(model, train_set.images, train_labels, test_tensor, test_labels)
        print(f"epoch {epoch + 1}: {monitor}, nearest neighbour right {100 * accuracy:.1f} %")


if __name__ == "__main__":
    main()
