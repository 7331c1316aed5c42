import torch
from torch import nn


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30, 16, padding_idx=0)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, ids):
        mask = ids != 0
        x = self.words(ids)
        # finding: inverted-padding-mask
        mixed, _ = self.attention(x, x, x, key_padding_mask=mask)
        return self.head((mixed * (ids != 0).unsqueeze(2)).mean(1))


torch.manual_seed(56)
lengths = torch.randint(3, 11, (500,))
ids = torch.randint(1, 30, (500, 12))
ids[torch.arange(12) >= lengths[:, None]] = 0
y = ((ids > 20).sum(1) > 2).long()

model = Reader()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(8):
    for rows in torch.randperm(400).split(16):
        optimizer.zero_grad()
        loss = criterion(model(ids[rows]), y[rows])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(ids[400:]).argmax(1) == y[400:]).float().mean().item())
