"""Learn to write a word backwards: GRU encoder, GRU decoder with attention, teacher forcing.

Words have different lengths, so batches are padded and the padding is left out of attention and loss.
"""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

PAD, START, END = 0, 1, 2
LETTERS = "abcdefghijklmnop"
VOCABULARY = 3 + len(LETTERS)


def encode(word):
    """Numbers of the letters of a word."""
    return [3 + LETTERS.index(letter) for letter in word]


def decode(ids):
    """The word behind numbers, up to the end."""
    letters = []
    for i in ids:
        if i == END:
            break
        if i > END:
            letters.append(LETTERS[i - 3])
    return "".join(letters)


class Words(Dataset):
    """Random words with their reverse."""

    def __init__(self, count, seed):
        drawn = random.Random(seed)
        self.words = ["".join(drawn.choices(LETTERS, k=drawn.randint(3, 7))) for _ in range(count)]

    def __len__(self):
        return len(self.words)

    def __getitem__(self, index):
        word = self.words[index]
        source = torch.tensor(encode(word))
        target = torch.tensor([START, *encode(word[::-1]), END])
        return source, target


def collate(pairs):
    """Pad sources and targets of a batch to equal lengths."""
    sources, targets = zip(*pairs)
    lengths = torch.tensor([len(s) for s in sources])
    sources = pad_sequence(sources, batch_first=True, padding_value=PAD)
    targets = pad_sequence(targets, batch_first=True, padding_value=PAD)
    return sources, lengths, targets


class Encoder(nn.Module):
    """A state for every letter, and the last of each word."""

    def __init__(self, vocabulary, embedding, hidden):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, embedding, padding_idx=PAD)
        self.rnn = nn.GRU(embedding, hidden, batch_first=True)

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.embed(ids), lengths, batch_first=True, enforce_sorted=False)
        states, last = self.rnn(packed)
        states, _ = pad_packed_sequence(states, batch_first=True, total_length=ids.size(1))
        return states, last


class Attention(nn.Module):
    """Additive attention over the encoder's states."""

    def __init__(self, hidden):
        super().__init__()
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, query, states, mask):
        energy = torch.tanh(self.query(query).unsqueeze(2) + self.key(states).unsqueeze(1))
        scores = self.score(energy).squeeze(-1)
        scores = scores.masked_fill(~mask.unsqueeze(1), -1e9)
        weights = F.softmax(scores, dim=-1)
        return torch.bmm(weights, states)


class Decoder(nn.Module):
    """The next letter, from the letters so far and what attention reads."""

    def __init__(self, vocabulary, embedding, hidden):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, embedding, padding_idx=PAD)
        self.rnn = nn.GRU(embedding, hidden, batch_first=True)
        self.attention = Attention(hidden)
        self.out = nn.Linear(2 * hidden, vocabulary)

    def forward(self, ids, hidden, states, mask):
        outputs, hidden = self.rnn(self.embed(ids), hidden)
        context = self.attention(outputs, states, mask)
        return self.out(torch.cat([outputs, context], dim=-1)), hidden


class Reverser(nn.Module):
    """Encoder and decoder together."""

    def __init__(self, vocabulary, embedding=24, hidden=48):
        super().__init__()
        self.encoder = Encoder(vocabulary, embedding, hidden)
        self.decoder = Decoder(vocabulary, embedding, hidden)

    def forward(self, sources, lengths, inputs):
        states, last = self.encoder(sources, lengths)
        logits, _ = self.decoder(inputs, last, states, sources != PAD)
        return logits

    def write(self, sources, lengths, longest=9):
        """The most probable letters, one after another."""
        states, hidden = self.encoder(sources, lengths)
        ids = torch.full((len(sources), 1), START)
        written = []
        for _ in range(longest):
            logits, hidden = self.decoder(ids, hidden, states, sources != PAD)
            ids = logits.argmax(dim=-1)
            written.append(ids)
        return torch.cat(written, dim=1)


def train(model, loader, optimizer, criterion):
    model.train()
    total = 0.0
    for sources, lengths, targets in loader:
        optimizer.zero_grad()
        logits = model(sources, lengths, targets[:, :-1])
        loss = criterion(logits.transpose(1, 2), targets[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    return total / len(loader)


@torch.no_grad()
def right(model, loader):
    """The share of words that come out without a mistake."""
    model.eval()
    hits = count = 0
    for sources, lengths, targets in loader:
        for ids, wanted in zip(model.write(sources, lengths).tolist(), targets[:, 1:].tolist()):
            hits += decode(ids) == decode(wanted)
            count += 1
    return hits / count


def main():
    torch.manual_seed(3)
    train_loader = DataLoader(Words(700, seed=1), batch_size=28, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(Words(60, seed=2), batch_size=60, collate_fn=collate)
    model = Reverser(VOCABULARY)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    for epoch in range(3):
        loss = train(model, train_loader, optimizer, criterion)
        print(f"epoch {epoch}: loss {loss:.3f}, whole words right {right(model, test_loader):.2f}")


if __name__ == "__main__":
    main()
