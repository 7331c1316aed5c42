"""Which of three growers made this wine? Thirteen chemical measurements."""

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

LEARNING_RATE = 1e-6
EPOCHS = 60
BATCH = 16

torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
scaler = StandardScaler()
X_train = torch.FloatTensor(scaler.fit_transform(X_train))
X_test = torch.FloatTensor(scaler.transform(X_test))
y_train, y_test = torch.LongTensor(y_train), torch.LongTensor(y_test)


def build_model(n_features=13, n_classes=3):
    return nn.Sequential(nn.Linear(n_features, 24), nn.ReLU(), nn.Linear(24, n_classes))


net = build_model()
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=0.9)

for epoch in range(EPOCHS):
    permutation = torch.randperm(X_train.size(0))
    for i in range(0, X_train.size(0), BATCH):
        indices = permutation[i : i + BATCH]
        optimizer.zero_grad()
        loss = criterion(net(X_train[indices]), y_train[indices])
        loss.backward()
        optimizer.step()
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    correct = (net(X_test).argmax(1) == y_test).sum().item()
print(f"{correct} of {len(y_test)} wines right")
