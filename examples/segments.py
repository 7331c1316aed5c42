"""Seven kinds of image regions from 18 measurements each: a deep network of logistic units."""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


class DeepMLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        layers = []
        for n_in, n_out in zip(sizes[:-2], sizes[1:-1]):
            layers += [nn.Linear(n_in, n_out), nn.Sigmoid()]
        layers.append(nn.Linear(sizes[-2], sizes[-1]))
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x)


X, y = make_classification(
    n_samples=2400, n_features=18, n_informative=12, n_redundant=2, n_classes=7, class_sep=2.0, random_state=1
)
X_train, y_train, X_val, y_val = X[:1800], y[:1800], X[1800:], y[1800:]
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)

train_set = TensorDataset(torch.from_numpy(X_train.astype(np.float32)), torch.from_numpy(y_train))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)

model = DeepMLP([18, 64, 64, 64, 64, 64, 64, 7])
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(1, 21):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            val_acc = (model(torch.from_numpy(X_val.astype(np.float32))).argmax(1).numpy() == y_val).mean()
        print(f"epoch {epoch}: loss {loss.item():.3f}, validation accuracy {val_acc:.3f}")
