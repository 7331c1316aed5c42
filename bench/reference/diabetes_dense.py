"""How far an illness goes in a year: a small dense net, features and target standardised."""

import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnlint.trainer.reference_data import diabetes

torch.manual_seed(0)

features, progress = diabetes()
x_train, x_test, y_train, y_test = train_test_split(features, progress, test_size=0.2, random_state=0)
scaler = StandardScaler()
x_train = scaler.fit_transform(x_train)
x_test = scaler.transform(x_test)
mean, spread = y_train.mean(), y_train.std()
x_train, x_test = torch.tensor(x_train, dtype=torch.float32), torch.tensor(x_test, dtype=torch.float32)
y_train = torch.tensor((y_train - mean) / spread, dtype=torch.float32)
y_test = torch.tensor((y_test - mean) / spread, dtype=torch.float32)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=16, shuffle=True)


class Regressor(nn.Module):
    def __init__(self, features=10, width=24):
        super().__init__()
        self.hidden = nn.Linear(features, width)
        self.second = nn.Linear(width, width)
        self.dropout = nn.Dropout(0.1)
        self.output = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        x = self.dropout(torch.relu(self.second(x)))
        return self.output(x)


model = Regressor()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for _epoch in range(20):
    model.train()
    for batch, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch).squeeze(1), targets)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    error = criterion(model(x_test).squeeze(1), y_test).item()
print(f"mean squared error {error:.3f}")
