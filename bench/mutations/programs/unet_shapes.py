"""Segment discs and squares in noisy pictures with a small U-Net.

    python unet_shapes.py --epochs 4 --width 16
"""

import argparse
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

CLASSES = ("background", "disc", "square")
SIZE = 32


class Shapes(Dataset):
    """Pictures of 32 by 32 pixels with one disc and one square, and the class of every pixel."""

    def __init__(self, count, seed):
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.empty(count, 1, SIZE, SIZE)
        self.masks = torch.zeros(count, SIZE, SIZE, dtype=torch.long)
        rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
        for i in range(count):
            row, column = torch.randint(8, 24, (2,), generator=generator).tolist()
            radius = int(torch.randint(4, 8, (1,), generator=generator))
            disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            top, left = torch.randint(0, 22, (2,), generator=generator).tolist()
            square = (rows >= top) & (rows < top + 9) & (columns >= left) & (columns < left + 9)
            self.masks[i][square] = 2
            self.masks[i][disc] = 1
            picture = 0.9 * disc.float() + 0.5 * (square & ~disc).float()
            self.images[i, 0] = picture + 0.2 * torch.randn(SIZE, SIZE, generator=generator)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.masks[index]


class DoubleConv(nn.Module):
    """Two convolutions with batch norm and ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(x)))


class UNet(nn.Module):
    """Three stages down, two up, with shortcuts between equal sizes."""

    def __init__(self, inputs, classes, width):
        super().__init__()
        self.down1 = DoubleConv(inputs, width)
        self.down2 = DoubleConv(width, 2 * width)
        self.bottom = DoubleConv(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, kernel_size=2, stride=2)
        self.merge2 = DoubleConv(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2)
        self.merge1 = DoubleConv(2 * width, width)
        self.classify = nn.Conv2d(width, classes, kernel_size=1)

    def forward(self, x):
        fine = self.down1(x)
        middle = self.down2(F.max_pool2d(fine, 2))
        coarse = self.bottom(F.max_pool2d(middle, 2))
        x = self.merge2(torch.cat([self.up2(coarse), middle], dim=1))
        x = self.merge1(torch.cat([self.up1(x), fine], dim=1))
        return self.classify(x)


def overlap(predicted, masks, classes):
    """Intersection over union of every class."""
    scores = []
    for label in range(classes):
        inter = ((predicted == label) & (masks == label)).sum()
        union = ((predicted == label) | (masks == label)).sum()
        scores.append(inter.item() / max(union.item(), 1))
    return scores


class Trainer:
    """Trains, scores after every epoch and keeps the weights that scored best."""

    def __init__(self, model, train_loader, valid_loader, lr):
        self.model = model
        self.train_loader = train_loader
        self.valid_loader = valid_loader
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.best_score = 0.0
        self.best_state = None

    def train_one_epoch(self):
        self.model.train()
        running_loss = 0.0
        for images, masks in self.train_loader:
            self.optimizer.zero_grad()
            logits = self.model(images)
            loss = self.criterion(logits, masks)
            loss.backward()
            self.optimizer.step()
            running_loss += loss.item()
        return running_loss / len(self.train_loader)

    def validate(self):
        self.model.eval()
        totals = torch.zeros(len(CLASSES))
        with torch.no_grad():
            for images, masks in self.valid_loader:
                predicted = self.model(images).argmax(dim=1)
                totals += torch.tensor(overlap(predicted, masks, len(CLASSES)))
        return totals / len(self.valid_loader)

    def fit(self, epochs):
        for epoch in range(epochs):
            loss = self.train_one_epoch()
            scores = self.validate()
            score = scores.mean().item()
            if score > self.best_score:
                self.best_score = score
                self.best_state = copy.deepcopy(self.model.state_dict())
            shown = ", ".join(f"{name} {value:.2f}" for name, value in zip(CLASSES, scores.tolist()))
            print(f"epoch {epoch + 1}: loss {loss:.3f}, {shown}")
        self.model.load_state_dict(self.best_state)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--lr", type=float, default=3e-3)
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.manual_seed(0)
    train_loader = DataLoader(Shapes(160, seed=1), batch_size=args.batch_size, shuffle=True)
    valid_loader = DataLoader(Shapes(32, seed=2), batch_size=32)
    model = UNet(1, len(CLASSES), args.width)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    trainer = Trainer(model, train_loader, valid_loader, args.lr)
    trainer.fit(args.epochs)
    print(f"best overlap {trainer.best_score:.3f}")


if __name__ == "__main__":
    main()
