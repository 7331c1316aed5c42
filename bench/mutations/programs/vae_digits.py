"""A variational autoencoder of small handwritten digits."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader, TensorDataset


@dataclass(frozen=True)
class Settings:
    """Sizes of the network and of the training."""

    pixels: int = 64
    hidden: int = 96
    latent: int = 6
    batch: int = 32
    epochs: int = 4
    rate: float = 2e-3
    warm_up: int = 2


class Encoder(nn.Module):
    """Mean and logarithm of the variance of the code of a picture."""

    def __init__(self, pixels: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(pixels, hidden),
            nn.LayerNorm(hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden // 2),
            nn.SiLU(),
        )
        self.mean = nn.Linear(hidden // 2, latent)
        self.log_variance = nn.Linear(hidden // 2, latent)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(pictures)
        return self.mean(features), self.log_variance(features).clamp(-8, 4)


class Decoder(nn.Module):
    """Logits of the pixels of a code."""

    def __init__(self, pixels: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(latent, hidden // 2),
            nn.SiLU(),
            nn.Linear(hidden // 2, hidden),
            nn.SiLU(),
            nn.Linear(hidden, pixels),
        )

    def forward(self, code: Tensor) -> Tensor:
        return self.body(code)


class VAE(nn.Module):
    """Encoder, a sample of the code, decoder."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.encoder = Encoder(settings.pixels, settings.hidden, settings.latent)
        self.decoder = Decoder(settings.pixels, settings.hidden, settings.latent)

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Draw a code; the mean where the model is not trained."""
        if not self.training:
            return mean
        return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(pictures)
        return self.decoder(self.sample(mean, log_variance)), mean, log_variance


def reconstruction_error(logits: Tensor, pictures: Tensor) -> Tensor:
    """Summed over pixels and pictures, in nats."""
    return F.binary_cross_entropy_with_logits(logits, pictures, reduction="sum")


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """From the normal distribution, summed over codes and pictures, in nats."""
    return -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())


class Progress:
    """Sums of both terms over an epoch."""

    def __init__(self) -> None:
        self.error = self.divergence = 0.0
        self.count = 0

    def add(self, error: Tensor, kl: Tensor, count: int) -> None:
        self.error += error.item()
        self.divergence += kl.item()
        self.count += count

    def __str__(self) -> str:
        return f"error {self.error / self.count:6.2f}  divergence {self.divergence / self.count:5.2f}"


def train_epoch(model: VAE, loader: DataLoader, optimizer: optim.Optimizer, weight: float) -> Progress:
    """One pass over the training pictures; `weight` is that of the divergence."""
    model.train()
    progress = Progress()
    for (pictures,) in loader:
        optimizer.zero_grad()
        logits, mean, log_variance = model(pictures)
        error = reconstruction_error(logits, pictures)
        kl = divergence(mean, log_variance)
        loss = (error + weight * kl) / len(pictures)
        loss.backward()
        optimizer.step()
        progress.add(error, kl, len(pictures))
    return progress


@torch.no_grad()
def evaluate(model: VAE, loader: DataLoader) -> Progress:
    """Both terms on pictures that were not seen."""
    model.eval()
    progress = Progress()
    for (pictures,) in loader:
        logits, mean, log_variance = model(pictures)
        progress.add(reconstruction_error(logits, pictures), divergence(mean, log_variance), len(pictures))
    return progress


def loaders(settings: Settings) -> tuple[DataLoader, DataLoader]:
    """Pictures to learn from, and others."""
    pixels = load_digits().data / 16.0
    train, test = train_test_split(torch.tensor(pixels, dtype=torch.float32), test_size=0.2, random_state=0)
    return (
        DataLoader(TensorDataset(train), batch_size=settings.batch, shuffle=True),
        DataLoader(TensorDataset(test), batch_size=120),
    )


def show(picture: Tensor) -> str:
    """A picture as letters."""
    shades = " .:*#"
    rows = picture.view(8, 8).clamp(0, 0.999)
    return "\n".join("".join(shades[int(value * len(shades))] for value in row) for row in rows)


def main() -> None:
    settings = Settings()
    torch.manual_seed(7)
    train_loader, test_loader = loaders(settings)
    model = VAE(settings)
    optimizer = optim.Adam(model.parameters(), lr=settings.rate)
    for epoch in range(settings.epochs):
        weight = min(1.0, (epoch + 1) / settings.warm_up)
        trained = train_epoch(model, train_loader, optimizer, weight)
        print(f"epoch {epoch}: train {trained}   test {evaluate(model, test_loader)}")
    with torch.no_grad():
        drawn = torch.sigmoid(model.decoder(torch.randn(2, settings.latent)))
    for picture in drawn:
        print(show(picture), end="\n\n")


if __name__ == "__main__":
    main()
