"""Benign or malignant, from measurements of cell nuclei: a dense net with one logit."""

import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnlint.trainer.reference_data import breast_cancer

torch.manual_seed(0)

features, kinds = breast_cancer()
x_train, x_test, y_train, y_test = train_test_split(features, kinds, test_size=0.2, random_state=0)
scaler = StandardScaler()
x_train = scaler.fit_transform(x_train)
x_test = scaler.transform(x_test)
x_train, x_test = torch.tensor(x_train, dtype=torch.float32), torch.tensor(x_test, dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)
y_test = torch.tensor(y_test, dtype=torch.float32)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=16, shuffle=True)


class Classifier(nn.Module):
    def __init__(self, features=30, width=24):
        super().__init__()
        self.hidden = nn.Linear(features, width)
        self.dropout = nn.Dropout(0.1)
        self.output = nn.Linear(width, 1)

    def forward(self, x):
        return self.output(self.dropout(torch.relu(self.hidden(x))))


model = Classifier()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

for _epoch in range(20):
    model.train()
    for batch, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch).squeeze(1), targets)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = ((model(x_test).squeeze(1) > 0).float() == y_test).float().mean().item()
print(f"accuracy {accuracy:.3f}")
