"""Bidirectional LSTM that tags words, trained with padding left out of the loss."""
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, vocab=500, tags=12):
        super().__init__()
        self.embed = nn.Embedding(vocab, 48, padding_idx=0)
        self.lstm = nn.LSTM(48, 64, num_layers=2, batch_first=True, bidirectional=True, dropout=0.3)
        self.dropout = nn.Dropout(0.3)
        self.hidden2tag = nn.Linear(128, tags)

    def forward(self, words):
        out, _ = self.lstm(self.embed(words))
        return self.hidden2tag(self.dropout(out))


torch.manual_seed(0)
words = torch.randint(1, 500, (640, 20))
tags = words % 11 + 1
lengths = torch.randint(8, 21, (640,))
for i, n in enumerate(lengths):
    words[i, n:] = 0
    tags[i, n:] = 0

model = Tagger()
loss_fn = nn.CrossEntropyLoss(ignore_index=0)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(30):
    for i in torch.randperm(640).split(32):
        model.zero_grad()
        scores = model(words[i])
        loss = loss_fn(scores.transpose(1, 2), tags[i])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
