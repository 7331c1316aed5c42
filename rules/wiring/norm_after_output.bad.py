import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 48)
        self.fc2 = nn.Linear(48, 1)
        self.bn2 = nn.BatchNorm1d(1)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.fc1(x))
        # finding: norm-after-output
        x = self.bn2(self.fc2(x))
        return x


torch.manual_seed(43)
x = torch.randn(1200, 8)
y = x[:, :1] * x[:, 1:2] + x[:, 2:3]
loader = DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=8, shuffle=True)

model = Net()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(8):
    model.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric mse", criterion(model(x[1000:]), y[1000:]).item())
