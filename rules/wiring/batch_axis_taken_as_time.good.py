import torch
from torch import nn


class Sensor(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 24, batch_first=True)
        self.head = nn.Linear(24, 2)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.head(out[:, -1])


torch.manual_seed(57)
x = torch.randn(600, 10, 4)
y = (x[:, :, 0].sum(1) > 0).long()

model = Sensor()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(8):
    for rows in torch.randperm(480).split(16):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

with torch.no_grad():
    print("metric accuracy", (model(x[480:]).argmax(1) == y[480:]).float().mean().item())
