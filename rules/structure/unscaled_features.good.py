import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(10)
age = 50 + 12 * torch.randn(1200)
pressure = 120 + 15 * torch.randn(1200)
insulin = 160 * torch.rand(1200)
ratio = 0.5 + 0.3 * torch.randn(1200)
patients = torch.stack([age, pressure, insulin, ratio], dim=1)
risk = (age - 50) / 12 + (ratio - 0.5) / 0.3 * (pressure - 120) / 15
ill = (risk + 0.3 * torch.randn(1200) > 0).float().unsqueeze(1)

model = nn.Sequential(
    nn.BatchNorm1d(4),
    nn.Linear(4, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
loader = DataLoader(TensorDataset(patients[:1000], ill[:1000]), batch_size=40, shuffle=True)

for epoch in range(20):
    model.train()
    for features, target in loader:
        optimizer.zero_grad()
        criterion(model(features), target).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", ((model(patients[1000:]) > 0) == ill[1000:].bool()).float().mean().item())
