import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.dropout = dropout

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)


class Tagger(nn.Module):
    def __init__(self, words=20, width=32):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.position = nn.Parameter(torch.randn(8, width) / 10)
        self.attention = Attention(width, dropout=0.5)
        self.head = nn.Linear(width, 2)

    def forward(self, ids):
        x = self.embed(ids) + self.position
        x = x + self.attention(x)
        return self.head(F.relu(x.mean(1)))


torch.manual_seed(46)
ids = torch.randint(20, (1200, 8))
y = ((ids == 3).any(1) | (ids == 7).any(1)).long()

model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(8):
    model.train()
    for rows in torch.randperm(1000).split(25):
        optimizer.zero_grad()
        F.cross_entropy(model(ids[rows]), y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric loss", F.cross_entropy(model(ids[1000:]), y[1000:]).item())
