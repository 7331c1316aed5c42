"""Multiple-instance learning: gated attention over the instances of a bag."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class GatedAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(20, 64), nn.ReLU())
        self.attention_v = nn.Sequential(nn.Linear(64, 32), nn.Tanh())
        self.attention_u = nn.Sequential(nn.Linear(64, 32), nn.Sigmoid())
        self.attention_weights = nn.Linear(32, 1)
        self.classifier = nn.Sequential(nn.Linear(64, 1), nn.Sigmoid())

    def forward(self, bag):
        h = self.features(bag)
        a = self.attention_weights(self.attention_v(h) * self.attention_u(h))
        a = F.softmax(a.transpose(1, 0), dim=1)
        z = torch.mm(a, h)
        return self.classifier(z)


torch.manual_seed(0)
bags = [torch.randn(12, 20) for _ in range(300)]
labels = torch.tensor([float(b.max() > 3) for b in bags])
model = GatedAttention()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
for epoch in range(10):
    for bag, label in zip(bags, labels):
        optimizer.zero_grad()
        prob = torch.clamp(model(bag), min=1e-5, max=1 - 1e-5)
        loss = -(label * torch.log(prob) + (1 - label) * torch.log(1 - prob)).mean()
        loss.backward()
        optimizer.step()
