import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(52)
centers = 1.2 * torch.randn(4, 8)
y = torch.arange(4).repeat_interleave(200)
x = centers[y] + torch.randn(800, 8)
test_y = torch.randint(4, (300,))
test_x = centers[test_y] + torch.randn(300, 8)
# finding: unshuffled-training-data
train_loader = DataLoader(TensorDataset(x, y), batch_size=20)

model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for epoch in range(15):
    for inputs, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(test_x).argmax(1) == test_y).float().mean().item())
