import torch
from torch import nn

torch.manual_seed(72)
x = torch.randn(1200, 6)
y = (x[:, 0] * x[:, 1] > 0.2).float()

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(20):
    model.train()
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        criterion(model(x[rows]).squeeze(1), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    logits = model(x[1000:]).squeeze(1)
# finding: logits-thresholded-at-half
predictions = logits > 0.5
print("metric accuracy", (predictions == (y[1000:] == 1)).float().mean().item())
