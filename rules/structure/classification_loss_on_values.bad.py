import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(47)
x = torch.randn(700, 5)
height = (x[:, :1] + x[:, 1:2] * x[:, 2:3] + 0.1 * torch.randn(700, 1)) / 1.4
loader = DataLoader(TensorDataset(x[:600], height[:600]), batch_size=20, shuffle=True)

model = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    for inputs, target in loader:
        optimizer.zero_grad()
        # finding: classification-loss-on-values
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric error", (model(x[600:]) - height[600:]).square().mean().item())
