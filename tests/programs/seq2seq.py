"""Encoder and decoder with additive attention, and teacher forcing."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Seq2Seq(nn.Module):
    def __init__(self, vocab=40, hidden=48):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden)
        self.encoder = nn.GRU(hidden, hidden, batch_first=True)
        self.decoder = nn.GRU(2 * hidden, hidden, batch_first=True)
        self.Wa, self.Ua, self.Va = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 1)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, source, target):
        memory, state = self.encoder(self.embedding(source))
        steps = []
        for t in range(target.size(1)):
            query = state.permute(1, 0, 2)
            scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(memory)))
            weights = F.softmax(scores.squeeze(2).unsqueeze(1), dim=-1)
            context = torch.bmm(weights, memory)
            step, state = self.decoder(torch.cat([self.embedding(target[:, t : t + 1]), context], dim=2), state)
            steps.append(step)
        return F.log_softmax(self.out(torch.cat(steps, dim=1)), dim=-1)


torch.manual_seed(0)
source = torch.randint(2, 40, (400, 8))
target = source.flip(1)
model = Seq2Seq()
criterion = nn.NLLLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(50):
    for rows in torch.randperm(400).split(20):
        shifted = F.pad(target[rows][:, :-1], (1, 0), value=1)
        optimizer.zero_grad()
        output = model(source[rows], shifted)
        loss = criterion(output.view(-1, 40), target[rows].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
