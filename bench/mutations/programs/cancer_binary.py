"""Benign or malignant: one logit, binary cross-entropy."""

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)


class TumourClassifier(nn.Module):
    """A small perceptron with batch normalization."""

    def __init__(self, n_features: int, hidden: int = 48):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout(p=0.3)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.dropout(self.body(x))
        return self.head(h).squeeze(1)


def load():
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    x_train = (x_train - mean) / std
    x_valid = (x_valid - mean) / std
    as_tensor = lambda a: torch.from_numpy(a).float()
    return tuple(map(as_tensor, (x_train, x_valid, y_train, y_valid)))


x_train, x_valid, y_train, y_valid = load()
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)

model = TumourClassifier(x_train.shape[1])
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)

losses = []
for epoch in range(12):
    model.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        logits = model(inputs)
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

model.eval()
with torch.inference_mode():
    probabilities = torch.sigmoid(model(x_valid))
    accuracy = ((probabilities > 0.5) == (y_valid > 0.5)).float().mean()
print(f"last losses {sum(losses[-10:]) / 10:.3f}, validation accuracy {accuracy:.3f}")
