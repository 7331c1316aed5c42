"""Several tags at a time: one logit a tag, binary cross-entropy over all of them."""

import torch
import torch.nn.functional as F
from sklearn.datasets import make_multilabel_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Tagger(nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.hidden = nn.Linear(words, 64)
        self.norm = nn.LayerNorm(64)
        self.drop = nn.Dropout(0.25)
        self.tags = nn.Linear(64, tags)

    def forward(self, counts):
        hidden = F.relu(self.norm(self.hidden(counts)))
        return self.tags(self.drop(hidden))


def data():
    x, y = make_multilabel_classification(n_samples=900, n_features=24, n_classes=6, random_state=0)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    mean, std = x[:700].mean(0), x[:700].std(0)
    x = (x - mean) / std
    return TensorDataset(x[:700], y[:700]), TensorDataset(x[700:], y[700:])


def run(epochs=8):
    torch.manual_seed(0)
    train, test = data()
    train_loader = DataLoader(train, batch_size=32, shuffle=True)
    test_loader = DataLoader(test, batch_size=200)
    model = Tagger(24, 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        model.train()
        for counts, tags in train_loader:
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(counts), tags)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = [((model(counts) > 0) == tags.bool()).float().mean() for counts, tags in test_loader]
        print(f"epoch {epoch}: {torch.stack(right).mean():.3f} of the tags right")


run()
