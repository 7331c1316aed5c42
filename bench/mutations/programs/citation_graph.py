"""Topics of papers from their words and from what they cite: a graph network in plain torch.

The graph is drawn from a fixed seed: papers of one topic cite each other more often and share words.
"""

import argparse
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F


class Graph(NamedTuple):
    """Words and topic of every paper, and who is linked to whom, weighted."""

    words: torch.Tensor
    topics: torch.Tensor
    links: torch.Tensor
    train: torch.Tensor
    valid: torch.Tensor
    test: torch.Tensor


def normalized(adjacency):
    """Symmetrically normalized links, with a loop at every paper."""
    adjacency = adjacency + torch.eye(len(adjacency))
    scale = adjacency.sum(dim=1).rsqrt()
    return scale[:, None] * adjacency * scale[None, :]


def draw_graph(papers=360, topics=4, words=80, seed=0):
    """Draw a graph."""
    generator = torch.Generator().manual_seed(seed)
    topic = torch.randint(0, topics, (papers,), generator=generator)
    same = topic[:, None] == topic[None, :]
    chance = torch.where(same, 0.03, 0.004)
    upper = torch.triu(torch.rand(papers, papers, generator=generator) < chance, diagonal=1).float()
    typical = torch.rand(topics, words, generator=generator) ** 4
    drawn = (torch.rand(papers, words, generator=generator) < 0.05 + 0.3 * typical[topic]).float()
    order = torch.randperm(papers, generator=generator)
    return Graph(
        words=drawn,
        topics=topic,
        links=normalized(upper + upper.T),
        train=order[:160],
        valid=order[160:240],
        test=order[240:],
    )


class GraphConvolution(nn.Module):
    """A linear layer, then the mean over linked papers."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.kaiming_uniform_(self.linear.weight, nonlinearity="relu")

    def forward(self, x, links):
        return links @ self.linear(x) + self.bias


class GraphNet(nn.Module):
    """Two graph convolutions with a dense layer in front."""

    def __init__(self, words, topics, hidden, dropout):
        super().__init__()
        self.embed = nn.Linear(words, hidden)
        self.first = GraphConvolution(hidden, hidden)
        self.second = GraphConvolution(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.classifier = nn.Linear(hidden, topics)
        self.dropout = dropout

    def forward(self, words, links):
        x = F.relu(self.embed(words))
        x = F.dropout(x, self.dropout, training=self.training)
        x = x + F.relu(self.first(x, links))
        x = x + F.relu(self.second(self.norm(x), links))
        return self.classifier(x)


def accuracy(logits, topics, chosen):
    """The share of right topics among the chosen papers."""
    return (logits[chosen].argmax(dim=1) == topics[chosen]).float().mean().item()


class Experiment:
    """A graph, a model and its training."""

    def __init__(self, graph, hidden, dropout, lr, weight_decay):
        self.graph = graph
        topics = int(graph.topics.max()) + 1
        self.model = GraphNet(graph.words.shape[1], topics, hidden, dropout)
        matrices = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}], lr=lr
        )
        self.history = []

    def step(self):
        """One step on all labelled papers."""
        graph = self.graph
        self.model.train()
        self.optimizer.zero_grad()
        logits = self.model(graph.words, graph.links)
        loss = F.cross_entropy(logits[graph.train], graph.topics[graph.train])
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def scores(self):
        """Accuracy on each part."""
        self.model.eval()
        logits = self.model(self.graph.words, self.graph.links)
        parts = {"train": self.graph.train, "valid": self.graph.valid, "test": self.graph.test}
        return {name: accuracy(logits, self.graph.topics, part) for name, part in parts.items()}

    def run(self, epochs, every):
        for epoch in range(1, epochs + 1):
            loss = self.step()
            if epoch % every == 0:
                scores = self.scores()
                self.history.append(scores)
                shown = "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
                print(f"epoch {epoch:4d}  loss {loss:.3f}  {shown}")
        return max(self.history, key=lambda one: one["valid"])


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse()
    torch.manual_seed(args.seed)
    experiment = Experiment(draw_graph(seed=args.seed), args.hidden, args.dropout, args.lr, args.weight_decay)
    best = experiment.run(args.epochs, every=20)
    print(f"test accuracy where the validation is best: {best['test']:.3f}")


if __name__ == "__main__":
    main()
