"""Utterances of two vowels, nine speakers: a GRU over cepstrum coefficients, its gradients clipped."""

import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnlint.trainer.reference_data import japanese_vowels

torch.manual_seed(0)


class Listener(nn.Module):
    def __init__(self, channels=12, hidden=32, speakers=9):
        super().__init__()
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(hidden, speakers)

    def forward(self, steps):
        _, last = self.gru(steps)
        return self.head(self.dropout(last[-1]))


utterances, speakers = japanese_vowels()
x_train, x_test, y_train, y_test = train_test_split(utterances, speakers, test_size=0.2, random_state=0)
loader = DataLoader(TensorDataset(torch.tensor(x_train), torch.tensor(y_train)), batch_size=16, shuffle=True)
x_test, y_test = torch.tensor(x_test), torch.tensor(y_test)

model = Listener()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for _epoch in range(12):
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
