"""Whether a sequence holds the same token twice in a row, with a transformer encoder."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Classifier(nn.Module):
    def __init__(self, vocabulary, length, width=32):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(1, length, width))
        layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2)

    def forward(self, ids):
        x = self.encoder(self.tokens(ids) + self.positions)
        return self.head(self.norm(x.mean(dim=1)))


ids = torch.randint(0, 12, (1200, 8))
twice = (ids[:, 1:] == ids[:, :-1]).any(dim=1).long()
train_loader = DataLoader(TensorDataset(ids[:1000], twice[:1000]), batch_size=50, shuffle=True)

model = Classifier(12, 8)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)

for epoch in range(4):
    model.train()
    total = 0.0
    for batch, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / len(train_loader):.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(ids[1000:]).argmax(-1) == twice[1000:]).float().mean()
print(f"accuracy {accuracy.item():.3f}")
