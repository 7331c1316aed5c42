"""Whether the even numbers of a list outnumber the odd ones; lists have different lengths and are padded with 0."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
LONGEST = 12


def lists(count):
    lengths = torch.randint(4, LONGEST + 1, (count,))
    ids = torch.randint(1, 11, (count, LONGEST))
    ids[torch.arange(LONGEST) >= lengths[:, None]] = 0
    even = ((ids > 0) & (ids % 2 == 0)).sum(1)
    return TensorDataset(ids, (2 * even > lengths).long())


class Reader(nn.Module):
    def __init__(self, symbols, size=16, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(symbols, size, padding_idx=0)
        self.lstm = nn.LSTM(size, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, ids):
        lengths = (ids != 0).sum(dim=1)
        out, _ = self.lstm(self.embed(ids))
        last = out[torch.arange(len(ids)), lengths - 1]
        return self.fc(last)


train_loader = DataLoader(lists(1000), batch_size=32, shuffle=True)
test_loader = DataLoader(lists(300), batch_size=100)
model = Reader(11)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(4):
    model.train()
    for ids, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(ids), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    model.eval()
    correct = 0
    with torch.no_grad():
        for ids, labels in test_loader:
            correct += (model(ids).argmax(dim=1) == labels).sum().item()
    print(f"epoch {epoch}: accuracy {correct / 300:.3f}")
