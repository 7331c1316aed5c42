import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)
x = torch.randn(700, 10)
spam = (x[:, 0] * x[:, 1] > 0).float().unsqueeze(1)
loader = DataLoader(TensorDataset(x[:600], spam[:600]), batch_size=20, shuffle=True)

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1))
criterion = nn.SoftMarginLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    for inputs, target in loader:
        optimizer.zero_grad()
        # finding: targets-wrong-form
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", ((model(x[600:]) > 0).float() == spam[600:]).float().mean().item())
