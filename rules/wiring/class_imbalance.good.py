import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(48)
y = torch.arange(1200) % 20 // 18
x = torch.randn(1200, 6) + 1.2 * y[:, None] * torch.tensor([1.0, -1.0, 0.0, 0.0, 0.0, 0.0])
loader = DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=25, shuffle=True)

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 2))
criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.556, 5]))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(15):
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    found = model(x[1000:][y[1000:] == 1]).argmax(1)
    print("metric recall", (found == 1).float().mean().item())
