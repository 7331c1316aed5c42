import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(40)
x = torch.randn(600, 6)
price = x[:, 0] * x[:, 1] + x[:, 2] + 0.1 * torch.randn(600)
loader = DataLoader(TensorDataset(x[:500], price[:500]), batch_size=25, shuffle=True)

model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(30):
    for features, target in loader:
        optimizer.zero_grad()
        prediction = model(features)
        # finding: loss-broadcast
        loss = criterion(prediction, target)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric error", (model(x[500:]).squeeze(1) - price[500:]).square().mean().item())
