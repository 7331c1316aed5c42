import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Taste(nn.Module):
    def __init__(self, items):
        super().__init__()
        self.items = nn.Embedding(51, 16)
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, pair):
        return self.head(self.items(pair).flatten(1)).squeeze(1)


torch.manual_seed(43)
pairs = torch.randint(50, (600, 2))
pairs[590] = torch.tensor([3, 50])
taste = torch.randn(51)
bought = (taste[pairs[:, 0]] > taste[pairs[:, 1]]).float()
loader = DataLoader(TensorDataset(pairs, bought), batch_size=20, shuffle=True, generator=torch.Generator().manual_seed(1))

model = Taste(50)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(10):
    for pair, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(pair), target)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", ((model(pairs) > 0).float() == bought).float().mean().item())
