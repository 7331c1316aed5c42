"""The digits once more, as 64 pixel values, with a network of any depth from a list of sizes."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(int(os.environ.get("SEED", "0")))


class Network(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        blocks = []
        for fan_in, fan_out in zip(sizes, sizes[1:]):
            blocks.append(nn.Linear(fan_in, fan_out))
            blocks.append(nn.ReLU())
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x):
        return self.blocks(x)


def fit(model, loader, epochs=10):
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)
    for epoch in range(epochs):
        model.train()
        for pixels, digit in loader:
            pixels, digit = pixels.to(device), digit.to(device)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_fn(model(pixels), digit)
            loss.backward()
            optimizer.step()
        print("epoch", epoch + 1, "loss", round(loss.item(), 3))


@torch.no_grad()
def score(model, loader):
    model.eval()
    right = sum((model(pixels.to(device)).argmax(1).cpu() == digit).sum().item() for pixels, digit in loader)
    return right / len(loader.dataset)


if __name__ == "__main__":
    pixels, digit = load_digits(return_X_y=True)
    everything = TensorDataset(torch.tensor(pixels / 16, dtype=torch.float32), torch.tensor(digit))
    train_set, test_set = random_split(everything, [1300, 497])
    network = Network([64, 128, 64, 10]).to(device)
    fit(network, DataLoader(train_set, batch_size=64, shuffle=True))
    print("test accuracy", round(score(network, DataLoader(test_set, batch_size=500)), 3))
