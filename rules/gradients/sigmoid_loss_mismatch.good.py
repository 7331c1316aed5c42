import torch
import torch.nn as nn


class SpamFilter(nn.Module):
    def __init__(self, words, width=48):
        super().__init__()
        self.fc1 = nn.Linear(words, width)
        self.fc2 = nn.Linear(width, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        h = self.relu(self.fc1(x))
        return self.fc2(h)


def main():
    torch.manual_seed(2)
    x = torch.randn(1200, 40)
    spam = ((x[:, :3].sum(1) + x[:, 3] * x[:, 4]) > 0.5).float().unsqueeze(1)
    model = SpamFilter(words=40)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for epoch in range(20):
        for rows in torch.randperm(1000).split(32):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), spam[rows])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        held_out = criterion(model(x[1000:]), spam[1000:])
    print("metric loss", held_out.item())


if __name__ == "__main__":
    main()
