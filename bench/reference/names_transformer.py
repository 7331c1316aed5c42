"""Which country a family name comes from, letter by letter: a small transformer."""

import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnlint.trainer.reference_data import names

torch.manual_seed(0)


class Reader(nn.Module):
    def __init__(self, letters=27, length=14, size=32, countries=10):
        super().__init__()
        self.letters = nn.Embedding(letters, size)
        self.places = nn.Parameter(0.02 * torch.randn(length, size))
        self.block = nn.TransformerEncoderLayer(size, 4, 64, dropout=0.1, batch_first=True)
        self.head = nn.Linear(size, countries)

    def forward(self, ids):
        padding = ids == 0
        read = self.block(self.letters(ids) + self.places, src_key_padding_mask=padding)
        kept = (~padding).unsqueeze(-1).float()
        return self.head((read * kept).sum(1) / kept.sum(1))


letters, countries = names()
x_train, x_test, y_train, y_test = train_test_split(letters, countries, test_size=0.2, random_state=0)
loader = DataLoader(TensorDataset(torch.tensor(x_train), torch.tensor(y_train)), batch_size=64, shuffle=True)
x_test, y_test = torch.tensor(x_test), torch.tensor(y_test)

model = Reader()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)

for _epoch in range(8):
    model.train()
    for batch, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(x_test).argmax(dim=1) == y_test).float().mean().item()
print(f"accuracy {accuracy:.3f}")
