import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(4, 24, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(24, 2)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.head(self.dropout(h[-1]))


torch.manual_seed(67)
x = torch.randn(700, 6, 4)
y = (x[:, :, 0].sum(1) > 0).long()

model = Tagger()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for epoch in range(10):
    model.train()
    for rows in torch.randperm(600).split(20):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

model.eval()
with torch.no_grad():
    print("metric accuracy", (model(x[600:]).argmax(1) == y[600:]).float().mean().item())
