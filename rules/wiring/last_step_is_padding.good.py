import torch
from torch import nn


class Sentiment(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30, 16, padding_idx=0)
        self.rnn = nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, ids):
        out, _ = self.rnn(self.words(ids))
        return self.head(out[torch.arange(len(ids)), (ids != 0).sum(1) - 1])


torch.manual_seed(51)
lengths = torch.randint(3, 16, (500,))
ids = torch.randint(1, 30, (500, 16))
ids[torch.arange(16) >= lengths[:, None]] = 0
y = (ids.gather(1, lengths[:, None] - 1).squeeze(1) > 15).long()

model = Sentiment()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(6):
    for rows in torch.randperm(400).split(16):
        optimizer.zero_grad()
        loss = criterion(model(ids[rows]), y[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(ids[400:]).argmax(1) == y[400:]).float().mean().item())
