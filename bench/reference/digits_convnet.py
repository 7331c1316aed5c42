"""Small pictures of handwritten digits: batch-normed convolutions trained by Adam."""

import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnlint.trainer.reference_data import digits

torch.manual_seed(0)


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(64, 10)

    def forward(self, images):
        maps = self.features(images)
        return self.classifier(self.dropout(maps.flatten(1)))


images, labels = digits()
x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.2, random_state=0)
train_set = TensorDataset(torch.tensor(x_train), torch.tensor(y_train))
test_set = TensorDataset(torch.tensor(x_test), torch.tensor(y_test))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=256)

model = DigitNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for _epoch in range(12):
    model.train()
    for batch, targets in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), targets)
        loss.backward()
        optimizer.step()

model.eval()
hits = 0
with torch.no_grad():
    for batch, targets in test_loader:
        hits += (model(batch).argmax(dim=1) == targets).sum().item()
print(f"accuracy {hits / len(test_set):.3f}")
