import torch
from torch import nn

torch.manual_seed(61)
centers = torch.randn(4, 10)
y = torch.randint(4, (1000,))
x = centers[y] + torch.randn(1000, 10)

model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

best_loss, best_state = float("inf"), None
for epoch in range(12):
    model.train()
    for rows in torch.randperm(700).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss = criterion(model(x[700:800]), y[700:800]).item()
    if loss < best_loss:
        best_loss = loss
        # finding: state-dict-by-reference
        best_state = model.state_dict()

model.load_state_dict(best_state)

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[800:]).argmax(1) == y[800:]).float().mean().item())
