"""Matrix factorization on ratings from 1 to 5."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MF(nn.Module):
    def __init__(self, users, items, k=16):
        super().__init__()
        self.user = nn.Embedding(users, k)
        self.item = nn.Embedding(items, k)
        self.user_bias = nn.Embedding(users, 1)
        self.item_bias = nn.Embedding(items, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)
        self.offset = nn.Parameter(torch.tensor(3.5))

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(1)
        return dot + self.user_bias(u).squeeze(1) + self.item_bias(i).squeeze(1) + self.offset


torch.manual_seed(0)
u, i = torch.randint(100, (4000,)), torch.randint(50, (4000,))
r = torch.randint(1, 6, (4000,)).float()
loader = DataLoader(TensorDataset(u, i, r), batch_size=64, shuffle=True)
model = MF(100, 50)
optimizer = torch.optim.Adam(model.parameters(), lr=0.005, weight_decay=1e-5)
for epoch in range(20):
    for users, items, ratings in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(users, items), ratings)
        loss.backward()
        optimizer.step()
