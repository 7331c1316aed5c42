"""Which of four symbols stands most often in a sequence, with a GRU over embeddings."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)
SYMBOLS, LENGTH = 4, 12


class Counter(nn.Module):
    def __init__(self, symbols, size=16, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(symbols, size)
        self.gru = nn.GRU(size, hidden, batch_first=True)
        self.classifier = nn.Linear(hidden, symbols)

    def forward(self, ids):
        _, last = self.gru(self.embedding(ids))
        return self.classifier(last[-1])


def sequences(count):
    ids = torch.randint(0, SYMBOLS, (count, LENGTH))
    counts = nn.functional.one_hot(ids, SYMBOLS).sum(1)
    return TensorDataset(ids, counts.argmax(1))


train_loader = DataLoader(sequences(1200), batch_size=48, shuffle=True)
test_loader = DataLoader(sequences(300), batch_size=100)

model = Counter(SYMBOLS)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)

for epoch in range(4):
    model.train()
    for ids, most in train_loader:
        optimizer.zero_grad()
        logits = model(ids)
        loss = criterion(logits, most)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()

    model.eval()
    hits = total = 0
    with torch.no_grad():
        for ids, most in test_loader:
            hits += (model(ids).argmax(dim=1) == most).sum().item()
            total += len(most)
    print(f"epoch {epoch}: accuracy {hits / total:.3f}")
