"""The iris flowers, three species."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

torch.manual_seed(42)

iris = load_iris()
X = (iris.data - iris.data.mean(axis=0)) / iris.data.std(axis=0)
X_train, X_test, y_train, y_test = train_test_split(X, iris.target, test_size=0.3, random_state=42)
X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train = F.one_hot(torch.tensor(y_train), 3).float()
y_test = torch.tensor(y_test)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(4, 16)
        self.fc2 = nn.Linear(16, 3)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return self.softmax(self.fc2(x))


net = Net()
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

for epoch in range(40):
    perm = torch.randperm(len(X_train))
    for i in range(0, len(X_train), 15):
        idx = perm[i : i + 15]
        optimizer.zero_grad()
        output = net(X_train[idx])
        loss = criterion(output, y_train[idx])
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            acc = (net(X_test).argmax(1) == y_test).float().mean()
        print("Epoch %d loss %.4f test accuracy %.3f" % (epoch + 1, loss.item(), acc))
