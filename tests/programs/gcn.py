"""Graph convolution over one graph, the whole data as a batch."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass):
        super().__init__()
        self.gc1 = nn.Linear(nfeat, nhid, bias=False)
        self.gc2 = nn.Linear(nhid, nclass, bias=False)

    def forward(self, x, adj):
        x = F.relu(adj @ self.gc1(x))
        x = F.dropout(x, 0.5, training=self.training)
        x = adj @ self.gc2(x)
        return F.log_softmax(x, dim=1)


torch.manual_seed(0)
n = 300
features = (torch.rand(n, 40) > 0.9).float()
labels = torch.randint(4, (n,))
adj = (torch.rand(n, n) > 0.97).float()
adj = ((adj + adj.t()) > 0).float() + torch.eye(n)
adj = adj / adj.sum(1, keepdim=True)
train = torch.randperm(n)[:100]
model = GCN(40, 16, 4)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(200):
    model.train()
    optimizer.zero_grad()
    output = model(features, adj)
    loss = F.nll_loss(output[train], labels[train])
    loss.backward()
    optimizer.step()
