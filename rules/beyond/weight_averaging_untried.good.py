import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(74)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 4))
criterion = nn.CrossEntropyLoss()
loader = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=32, shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)

averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
for epoch in range(21):
    model.train()
    for inputs, labels in loader:
        optimizer.zero_grad()
        criterion(model(inputs), labels).backward()
        optimizer.step()
        averaged.update_parameters(model)
model.load_state_dict(averaged.module.state_dict())

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
