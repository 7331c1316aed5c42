"""Which customers cancel: a table with numbers and categories, prepared by scikit-learn, learned by a network.

The table is drawn from a fixed seed. Few customers cancel, so the loss weighs them up.
"""

import copy
import logging

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from torch import nn
from torch.utils.data import DataLoader, Dataset

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("cancel")

NUMBERS = ["months", "monthly_fee", "calls", "data_used", "age"]
CATEGORIES = ["contract", "payment", "region"]
TARGET = "cancelled"


def customers(count=1600, seed=0):
    """Return a table of customers: a dictionary of columns."""
    rng = np.random.default_rng(seed)
    table = {
        "months": rng.integers(1, 72, count),
        "monthly_fee": rng.normal(60, 18, count).clip(10),
        "calls": rng.poisson(2.0, count),
        "data_used": rng.gamma(2.0, 8.0, count),
        "age": rng.integers(18, 80, count),
        "contract": rng.choice(["monthly", "yearly", "two years"], count, p=[0.5, 0.3, 0.2]),
        "payment": rng.choice(["card", "transfer", "invoice", "cash"], count),
        "region": rng.choice(["north", "south", "east", "west", "centre"], count),
    }
    score = -1.4 - 0.03 * table["months"] + 0.015 * (table["monthly_fee"] - 60) + 0.45 * table["calls"]
    score += np.select([table["contract"] == "monthly", table["contract"] == "yearly"], [0.8, -0.5], -1.5)
    score += 0.6 * (table["payment"] == "invoice")
    table[TARGET] = rng.random(count) < 1 / (1 + np.exp(-score))
    return table


def rows_of(table, chosen):
    """Return the chosen rows of a table."""
    return {name: column[chosen] for name, column in table.items()}


def columns(table, names):
    """Return some columns side by side."""
    return np.stack([table[name] for name in names], axis=1)


class Preparation:
    """What is learned from the training part and applied to every part."""

    def __init__(self):
        self.scaler = StandardScaler()
        self.encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)

    def fit(self, table):
        self.scaler.fit(columns(table, NUMBERS))
        self.encoder.fit(columns(table, CATEGORIES))
        return self

    def transform(self, table):
        numbers = self.scaler.transform(columns(table, NUMBERS)).astype("float32")
        categories = self.encoder.transform(columns(table, CATEGORIES)).astype("int64") + 1  # 0 stands for an unknown one
        return numbers, categories

    @property
    def sizes(self):
        return [len(values) + 1 for values in self.encoder.categories_]


class Rows(Dataset):
    """Numbers, categories and target of each row."""

    def __init__(self, numbers, categories, targets):
        self.numbers = torch.from_numpy(numbers)
        self.categories = torch.from_numpy(categories)
        self.targets = torch.tensor(targets, dtype=torch.float32)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return self.numbers[index], self.categories[index], self.targets[index]


class TableNet(nn.Module):
    """Embeddings of the categories beside the numbers, two hidden layers, one logit."""

    def __init__(self, numbers, sizes, width=48, dropout=0.2):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(size, min(4, size)) for size in sizes])
        embedded = sum(e.embedding_dim for e in self.embeddings)
        self.layers = nn.Sequential(
            nn.Linear(numbers + embedded, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, numbers, categories):
        parts = [embedding(categories[:, i]) for i, embedding in enumerate(self.embeddings)]
        return self.layers(torch.cat([numbers, *parts], dim=1)).squeeze(1)


class EarlyStopping:
    """Says when nothing got better for a while, and holds the best weights."""

    def __init__(self, patience):
        self.patience = patience
        self.best = -1.0
        self.waited = 0
        self.weights = None

    def update(self, score, model):
        if score > self.best:
            self.best, self.waited = score, 0
            self.weights = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    losses = []
    for numbers, categories, targets in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(numbers, categories), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def area(model, loader):
    """Area under the receiver's curve."""
    model.eval()
    scores, truth = [], []
    with torch.no_grad():
        for numbers, categories, targets in loader:
            scores.append(torch.sigmoid(model(numbers, categories)))
            truth.append(targets)
    return roc_auc_score(torch.cat(truth).numpy(), torch.cat(scores).numpy())


def main():
    torch.manual_seed(1)
    table = customers()
    chosen = train_test_split(np.arange(1600), test_size=0.25, stratify=table[TARGET], random_state=0)
    train_table, valid_table = (rows_of(table, part) for part in chosen)
    preparation = Preparation().fit(train_table)
    train_set = Rows(*preparation.transform(train_table), train_table[TARGET])
    valid_set = Rows(*preparation.transform(valid_table), valid_table[TARGET])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
    valid_loader = DataLoader(valid_set, batch_size=200)

    positive = train_set.targets.mean()
    criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - positive) / positive)
    model = TableNet(len(NUMBERS), preparation.sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    stopping = EarlyStopping(patience=3)
    for epoch in range(12):
        loss = train_epoch(model, train_loader, criterion, optimizer)
        score = area(model, valid_loader)
        log.info("epoch %d: loss %.3f, area under the curve %.3f", epoch, loss, score)
        if stopping.update(score, model):
            break
    model.load_state_dict(stopping.weights)
    log.info("best %.3f", stopping.best)


if __name__ == "__main__":
    main()
