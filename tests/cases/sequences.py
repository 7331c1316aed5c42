import torch
import torch.nn.functional as F
from torch import nn, optim

torch.manual_seed(0)
x = torch.randn(240, 12, 6)
y = (x[:, :, 0].mean(1) > 0).long()


def fit(model, criterion=F.cross_entropy, target=y):
    optimizer = optim.AdamW(model.parameters(), lr=0.003)
    model.train()
    for _ in range(40):
        for rows in torch.randperm(len(x)).split(15):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), target[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()


# %% dropout of one recurrent layer
class Net(nn.Module):
    def __init__(self, cell=nn.LSTM):
        super().__init__()
        self.rnn, self.head = cell(6, 16, batch_first=True, dropout=0.3), nn.Linear(16, 2)  # <- single-layer-rnn-dropout

    def forward(self, a):
        return self.head(self.rnn(a)[0][:, -1])


fit(Net())

# %% dropout of one GRU
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(input_size=6, hidden_size=16, num_layers=1, dropout=0.2, batch_first=True)  # <- single-layer-rnn-dropout
        self.head = nn.Linear(16, 2)

    def forward(self, a):
        out, h = self.rnn(a)
        return self.head(h[-1])


fit(Net())

# %% dropout of one plain recurrent layer, two ways
class Net(nn.Module):
    def __init__(self, layers=1):
        super().__init__()
        self.rnn = nn.RNN(6, 16, layers, batch_first=True, dropout=0.5, bidirectional=True)  # <- single-layer-rnn-dropout
        self.head = nn.Linear(32, 2)

    def forward(self, a):
        return self.head(self.rnn(a)[0].mean(1))


fit(Net())

# %% dropout between two recurrent layers
# leaves: single-layer-rnn-dropout, rnn-without-clipping, dropout-rate-off-kind
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(6, 16, 2, batch_first=True, dropout=0.3), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(self.rnn(a)[0][:, -1])


fit(Net())

# %% one recurrent layer with dropout behind it
# leaves: single-layer-rnn-dropout, rnn-without-clipping, dropout-on-output
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.drop, self.head = nn.GRU(6, 16, batch_first=True), nn.Dropout(0.3), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(self.drop(self.rnn(a)[0][:, -1]))


fit(Net())

# %% one recurrent layer without dropout
# leaves: single-layer-rnn-dropout, rnn-without-clipping, batch-axis-taken-as-time
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(6, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(self.rnn(a)[0][:, -1])


fit(Net())

# %% attention that drops in every mode
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.head = nn.Linear(6, 16), nn.Linear(6, 16), nn.Linear(6, 16), nn.Linear(16, 2)

    def forward(self, a):
        mixed = F.scaled_dot_product_attention(self.q(a), self.k(a), self.v(a), dropout_p=0.1)  # <- attention-dropout-at-inference
        return self.head(mixed.mean(1))


fit(Net())

# %% attention that drops in every mode, by an attribute
class Net(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.p = p
        self.qkv, self.head = nn.Linear(6, 48), nn.Linear(16, 2)

    def forward(self, a):
        q, k, v = self.qkv(a).chunk(3, dim=-1)
        return self.head(torch.nn.functional.scaled_dot_product_attention(q, k, v, None, self.p).mean(1))  # <- attention-dropout-at-inference


fit(Net())

# %% attention that drops in every mode, in a helper
def attend(q, k, v, p):
    return F.scaled_dot_product_attention(q, k, v, dropout_p=p)  # <- attention-dropout-at-inference


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.head = nn.Linear(6, 48), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(attend(*self.qkv(a).chunk(3, dim=-1), 0.1).mean(1))


fit(Net())

# %% attention that drops by mode
# leaves: attention-dropout-at-inference, dropout-at-inference
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.head = nn.Linear(6, 48), nn.Linear(16, 2)

    def forward(self, a):
        q, k, v = self.qkv(a).chunk(3, dim=-1)
        p = 0.1 if self.training else 0.0
        return self.head(F.scaled_dot_product_attention(q, k, v, dropout_p=p).mean(1))


fit(Net())

# %% attention without dropout
# leaves: attention-dropout-at-inference, future-token-leak
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.head = nn.Linear(6, 48), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(F.scaled_dot_product_attention(*self.qkv(a).chunk(3, dim=-1)).mean(1))


fit(Net())

# %% PyTorch's own attention with dropout
# leaves: attention-dropout-at-inference, dropout-at-inference, batch-axis-taken-as-time
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift, self.head = nn.Linear(6, 16), nn.Linear(16, 2)
        self.attend = nn.MultiheadAttention(16, 2, dropout=0.1, batch_first=True)

    def forward(self, a):
        h = self.lift(a)
        return self.head(self.attend(h, h, h, need_weights=False)[0].mean(1))


fit(Net())

# %% a recurrent layer without clipping
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(6, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(self.rnn(a)[0][:, -1])  # <- rnn-without-clipping


model = Net()
optimizer = optim.AdamW(model.parameters(), lr=0.003)
for epoch in range(40):
    for rows in torch.randperm(240).split(15):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

# %% a plain recurrent layer without clipping, in a function
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.RNN(6, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(self.rnn(a)[1][-1])  # <- rnn-without-clipping


def train(net):
    opt = optim.AdamW(net.parameters(), lr=0.003)
    for epoch in range(40):
        for rows in torch.randperm(240).split(15):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            opt.step()


train(Net())

# %% two GRUs without clipping
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.head = nn.GRU(6, 16, batch_first=True), nn.GRU(16, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, a):
        return self.head(self.two(self.one(a)[0])[0][:, -1])  # <- rnn-without-clipping


model = Net()
optimizer = optim.AdamW(model.parameters(), lr=0.003)
for epoch in range(40):
    for rows in torch.randperm(240).split(15):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

# %% a tagger whose classes were moved by a view
tags = (x[:, :, :3].argmax(2))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(6, 16, 3, padding=1), nn.ReLU(), nn.Conv1d(16, 3, 1))

    def forward(self, a):
        return self.net(a.transpose(1, 2))


fit(Tagger(), lambda out, target: F.cross_entropy(out.view(-1, 3), target.view(-1)), tags)  # <- class-axis-scrambled

# %% a tagger whose classes were moved by a reshape in forward
tags = (x[:, :, :3].argmax(2))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(6, 16, 3, padding=1), nn.ReLU(), nn.Conv1d(16, 3, 1))

    def forward(self, a):
        return self.net(a.transpose(1, 2)).reshape(-1, 3)  # <- class-axis-scrambled


fit(Tagger(), lambda out, target: F.cross_entropy(out, target.reshape(-1)), tags)

# %% a tagger with classes in their place
# leaves: class-axis-scrambled, output-width-mismatch
tags = (x[:, :, :3].argmax(2))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(6, 16, 3, padding=1), nn.ReLU(), nn.Conv1d(16, 3, 1))

    def forward(self, a):
        return self.net(a.transpose(1, 2))


fit(Tagger(), F.cross_entropy, tags)

# %% a tagger whose classes stand last
# leaves: class-axis-scrambled
tags = (x[:, :, :3].argmax(2))
fit(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)), lambda out, target: F.cross_entropy(out.flatten(0, 1), target.flatten()), tags)

# %% a tagger whose classes are permuted first
# leaves: class-axis-scrambled
tags = (x[:, :, :3].argmax(2))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(6, 16, 3, padding=1), nn.ReLU(), nn.Conv1d(16, 3, 1))

    def forward(self, a):
        return self.net(a.transpose(1, 2)).permute(0, 2, 1).reshape(-1, 3)


fit(Tagger(), lambda out, target: F.cross_entropy(out, target.reshape(-1)), tags)
