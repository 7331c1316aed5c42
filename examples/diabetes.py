"""How far will the disease progress within a year? Regression on ten baseline measurements."""

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class ProgressionNet(nn.Module):
    """Dropout after every layer, against overfitting on 442 patients."""

    def __init__(self, n_inputs=10, width=64, p=0.3):
        super().__init__()
        self.hidden1 = nn.Linear(n_inputs, width)
        self.hidden2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = self.dropout(torch.relu(self.hidden1(x)))
        x = self.dropout(torch.relu(self.hidden2(x)))
        return self.dropout(self.out(x))


def standardize(train, test):
    mean, std = train.mean(0), train.std(0)
    return (train - mean) / std, (test - mean) / std


def main():
    torch.manual_seed(0)
    patients = load_diabetes()
    x = torch.tensor(patients.data, dtype=torch.float32)
    y = torch.tensor(patients.target, dtype=torch.float32).unsqueeze(1)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=0)
    x_train, x_test = standardize(x_train, x_test)
    y_train, y_test = standardize(y_train, y_test)

    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=16, shuffle=True)
    model = ProgressionNet()
    mse = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    for epoch in range(40):
        model.train()
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = mse(model(xb), yb)
            loss.backward()
            optimizer.step()

        model.eval()
        with torch.no_grad():
            test_loss = mse(model(x_test), y_test).item()
        if (epoch + 1) % 10 == 0:
            print(f"[{epoch + 1:2d}/40] train {loss.item():.3f}  test {test_loss:.3f}")


if __name__ == "__main__":
    main()
