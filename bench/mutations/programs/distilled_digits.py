"""A small network learns from the probabilities of a forest."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(digits.data / 16.0, digits.target, random_state=1)
forest = RandomForestClassifier(n_estimators=40, random_state=0).fit(x_train, y_train)
answers = torch.tensor(forest.predict_proba(x_train), dtype=torch.float32)
x_train, x_test = torch.tensor(x_train, dtype=torch.float32), torch.tensor(x_test, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)
loader = DataLoader(TensorDataset(x_train, answers, y_train), batch_size=32, shuffle=True)


def network(width):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def accuracy(net):
    with torch.no_grad():
        return (net(x_test).argmax(dim=1) == y_test).float().mean().item()


student = network(16)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
share = 0.7
kl_loss = nn.KLDivLoss(reduction="batchmean")

for epoch in range(8):
    for x, soft, y in loader:
        optimizer.zero_grad()
        logits = student(x)
        distillation = kl_loss(F.log_softmax(logits, dim=1), soft)
        loss = share * distillation + (1 - share) * F.cross_entropy(logits, y)
        loss.backward()
        optimizer.step()
print(f"forest {forest.score(x_test.numpy(), y_test.numpy()):.3f}, network {accuracy(student):.3f}")
