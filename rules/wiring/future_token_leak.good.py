import torch
import torch.nn.functional as F
from torch import nn


class LanguageModel(nn.Module):
    def __init__(self, vocabulary=12, width=32, heads=2, steps=16):
        super().__init__()
        self.heads = heads
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(0.1 * torch.randn(steps, width))
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        batch, steps = ids.shape
        x = self.tokens(ids) + self.places[:steps]
        parts = self.qkv(self.norm(x)).view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, steps, -1))
        return self.head(x)


torch.manual_seed(55)
text = torch.randint(12, (400, 17))

model = LanguageModel()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(8):
    for rows in torch.randperm(320).split(16):
        inputs, targets = text[rows, :-1], text[rows, 1:]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs).transpose(1, 2), targets)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("metric loss", F.cross_entropy(model(text[320:, :-1]).transpose(1, 2), text[320:, 1:]).item())
