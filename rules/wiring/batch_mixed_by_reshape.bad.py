import torch
import torch.nn.functional as F
from torch import nn


class Tagger(nn.Module):
    def __init__(self, features=6, hidden=16):
        super().__init__()
        self.hidden = hidden
        self.rnn = nn.GRU(features, hidden)
        self.head = nn.Linear(hidden, 2)

    def forward(self, x):
        batch, steps, features = x.shape
        # finding: batch-mixed-by-reshape
        x = x.view(steps, batch, features)
        out, _ = self.rnn(x)
        return self.head(out[-1])


torch.manual_seed(49)
x = torch.randn(700, 5, 6)
y = (x[:, :, 0].sum(1) > 0).long()

model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for epoch in range(10):
    for rows in torch.randperm(600).split(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[600:]).argmax(1) == y[600:]).float().mean().item())
