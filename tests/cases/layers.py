import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(320, 12)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0.3).long()


def fit(model, criterion=F.cross_entropy, target=y, lr=0.003, data=x):
    optimizer = optim.AdamW(model.parameters(), lr=lr)
    model.train()
    for _ in range(40):
        for rows in torch.randperm(len(data)).split(16):
            optimizer.zero_grad()
            loss = criterion(model(data[rows]), target[rows])
            loss.backward()
            optimizer.step()


# %% two layers in a row in a Sequential
fit(nn.Sequential(nn.Linear(12, 32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3)))  # <- activation-off-goal, linear-after-linear

# %% an activation forgotten in forward
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(12, 32), nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, a):
        a = F.relu(self.fc1(a))  # <- activation-off-goal
        a = self.fc2(a)
        return self.fc3(a)  # <- linear-after-linear


fit(Net())

# %% only dropout between two layers
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.Dropout(0.2), nn.Linear(32, 3)))  # <- activation-off-goal, linear-after-linear

# %% low rank on purpose
# leaves: linear-after-linear, narrow-hidden-layer, unused-parameters, initial-loss-off
class LowRank(nn.Module):
    def __init__(self, old, new, rank):
        super().__init__()
        self.down, self.up = nn.Linear(old, rank, bias=False), nn.Linear(rank, new)

    def forward(self, a):
        return self.up(self.down(a))


fit(nn.Sequential(LowRank(12, 32, 4), nn.ReLU(), LowRank(32, 32, 4), nn.ReLU(), nn.Linear(32, 3)))

# %% LoRA beside a frozen layer
# leaves: symmetric-init, linear-after-linear, unoptimized-parameters, unused-parameters, no-gradient, init-mismatched-to-activation
class Lora(nn.Module):
    def __init__(self, base, rank=4):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a, self.b = nn.Linear(base.in_features, rank, bias=False), nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, h):
        return self.base(h) + self.b(self.a(h))


fit(nn.Sequential(Lora(nn.Linear(12, 32)), nn.ReLU(), nn.Linear(32, 3)))

# %% a head that starts at zero
# leaves: symmetric-init, constant-output, no-gradient, dead-relu
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(12, 32), nn.ReLU()), nn.Linear(32, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, a):
        return self.head(self.body(a))


fit(Net())

# %% residual branches that start at zero
# leaves: symmetric-init, dead-relu, vanishing-gradient, repeated-activation
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(32, 32), nn.Linear(32, 32)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)

    def forward(self, h):
        return h + self.two(F.relu(self.one(h)))


fit(nn.Sequential(nn.Linear(12, 32), Block(), Block(), nn.Linear(32, 3)))

# %% all weights zero by apply
def zero(module):
    if isinstance(module, nn.Linear):
        nn.init.constant_(module.weight, 0.0)
        nn.init.constant_(module.bias, 0.0)


model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))  # <- symmetric-init
model.apply(zero)
fit(model)

# %% all weights alike, by a loop over parameters
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 32), nn.Linear(32, 3)  # <- symmetric-init
        for p in self.parameters():
            nn.init.constant_(p, 0.1)

    def forward(self, a):
        return self.fc2(torch.tanh(self.fc1(a)))


fit(Net())

# %% weights of one in two layers
model = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 3))  # <- symmetric-init
with torch.no_grad():
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.weight.fill_(0.05)
            layer.bias.fill_(0.01)
fit(model)

# %% normal weights of size one
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(12, 128), nn.Linear(128, 128), nn.Linear(128, 3)  # <- oversized-activations
        for layer in (self.fc1, self.fc2, self.fc3):
            nn.init.normal_(layer.weight)

    def forward(self, a):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(a)))))


fit(Net())

# %% normal weights of size one, by apply
def start(module):
    if isinstance(module, nn.Linear):
        module.weight.data.normal_(0, 1)


model = nn.Sequential(nn.Linear(12, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 3)).apply(start)  # <- oversized-activations
fit(model)

# %% hand-written weights of size one
class Dense(nn.Module):
    def __init__(self, old, new):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(new, old))
        self.bias = nn.Parameter(torch.zeros(new))

    def forward(self, a):
        return F.linear(a, self.weight, self.bias)  # <- oversized-activations


fit(nn.Sequential(Dense(12, 150), nn.ReLU(), Dense(150, 150), nn.ReLU(), Dense(150, 3)))

# %% queries of size one in attention
# leaves: oversized-activations, symmetric-init, softmax-over-wrong-dim
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(4, 16))
        self.lift = nn.Linear(1, 16)
        self.attend = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(64, 3)

    def forward(self, a):
        h = self.lift(a.unsqueeze(2))
        mixed, _ = self.attend(self.queries.expand(len(a), -1, -1), h, h)
        return self.head(mixed.flatten(1))


fit(Net())

# %% random Fourier features
# leaves: oversized-activations, unscaled-features, init-mismatched-to-activation
class Fourier(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("waves", 3 * torch.randn(12, 32))
        self.head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, a):
        h = a @ self.waves
        return self.head(torch.cat([h.sin(), h.cos()], 1))


fit(Fourier())

# %% a learned temperature
# leaves: oversized-activations, initial-loss-off
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16))
        self.classes = nn.Parameter(torch.randn(3, 16))
        self.scale = nn.Parameter(torch.tensor(4.0))

    def forward(self, a):
        return self.scale * F.normalize(self.body(a), dim=1) @ F.normalize(self.classes, dim=1).t()


fit(Net())

# %% eight logistic layers
layers, old = [], 12
for _ in range(6):
    layers += [nn.Linear(old, 32), nn.Sigmoid()]  # <- saturating-hidden-activation
    old = 32
fit(nn.Sequential(*layers, nn.Linear(32, 3)))  # <- unusual-hidden-depth

# %% logistic layers in forward
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(12, 32)] + [nn.Linear(32, 32) for _ in range(4)])
        self.out = nn.Linear(32, 3)

    def forward(self, a):
        for layer in self.layers:
            a = torch.sigmoid(layer(a))  # <- saturating-hidden-activation
        return self.out(a)


fit(Net())

# %% logistic layers behind layer norms
fit(nn.Sequential(
    nn.Linear(12, 32), nn.LayerNorm(32), nn.Sigmoid(), nn.Linear(32, 32), nn.LayerNorm(32), nn.Sigmoid(),  # <- saturating-hidden-activation
    nn.Linear(32, 32), nn.LayerNorm(32), nn.Sigmoid(), nn.Linear(32, 32), nn.LayerNorm(32), nn.Sigmoid(), nn.Linear(32, 3),
))

# %% twelve dense layers
layers, old = [], 12
for _ in range(14):
    layers += [nn.Linear(old, 32), nn.ReLU()]  # <- init-mismatched-to-activation
    old = 32
fit(nn.Sequential(*layers, nn.Linear(32, 3)))  # <- unusual-hidden-depth

# %% twelve dense layers with He's initialization
# leaves: init-mismatched-to-activation, vanishing-gradient, deep-net-without-normalization, dead-relu, exploding-gradient
layers, old = [], 12
for _ in range(10):
    layers += [nn.Linear(old, 64), nn.ReLU()]
    nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
    nn.init.zeros_(layers[-2].bias)
    old = 64
fit(nn.Sequential(*layers, nn.Linear(64, 3)))  # <- unusual-hidden-depth

# %% ten dense layers with skips
# leaves: init-mismatched-to-activation, vanishing-gradient, deep-net-without-normalization, unusual-hidden-depth
class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(32, 32)

    def forward(self, h):
        return h + F.relu(self.fc(h))


fit(nn.Sequential(nn.Linear(12, 32), *[Skip() for _ in range(10)], nn.Linear(32, 3)))  # <- initial-loss-off

# %% batch norm between ten layers
# leaves: init-mismatched-to-activation, vanishing-gradient, deep-net-without-normalization, layernorm-under-sigmoid, exploding-gradient
layers, old = [], 12
for _ in range(8):
    layers += [nn.Linear(old, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU()]
    old = 32
fit(nn.Sequential(*layers, nn.Linear(32, 3)))

# %% layer norm under ReLU
# leaves: layernorm-under-sigmoid, dead-relu, exploding-gradient
fit(nn.Sequential(nn.Linear(12, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 3)))

# %% layer norm in front of one logistic gate
# leaves: layernorm-under-sigmoid, saturating-hidden-activation
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.value, self.gate, self.norm, self.head = nn.Linear(12, 32), nn.Linear(12, 32), nn.LayerNorm(32), nn.Linear(32, 3)

    def forward(self, a):
        return self.head(self.value(a) * torch.sigmoid(self.norm(self.gate(a))))


fit(Net())

# %% biases far below zero
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 32), nn.Linear(32, 3)
        nn.init.constant_(self.fc1.bias, -20.0)

    def forward(self, a):
        return self.fc2(F.relu(self.fc1(a)))  # <- dead-relu


fit(Net())

# %% biases far below zero in the second layer
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))  # <- dead-relu
model[2].bias.data.fill_(-10)
fit(model)

# %% a threshold that nothing passes
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))  # <- dead-relu
with torch.no_grad():
    model[0].bias.sub_(30)
fit(model)

# %% a sparse code by a ReLU with a small bias
# leaves: dead-relu, symmetric-init
model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 3))
model[0].bias.data.fill_(-0.3)
fit(model)

# %% ReLU twice
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.ReLU(), nn.Linear(32, 3)))  # <- repeated-activation

# %% a logistic function twice
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(12, 32), nn.Sigmoid()), nn.Linear(32, 3)

    def forward(self, a):
        return self.head(torch.sigmoid(self.body(a)))  # <- repeated-activation


fit(Net())

# %% tanh in the block and behind it
class Block(nn.Module):
    def __init__(self, old, new):
        super().__init__()
        self.fc = nn.Linear(old, new)

    def forward(self, a):
        return torch.tanh(self.fc(a))


fit(nn.Sequential(Block(12, 32), nn.Tanh(), nn.Linear(32, 3)))  # <- repeated-activation

# %% GLU and a tanh of another layer
# leaves: repeated-activation, saturating-hidden-activation
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.head = nn.Linear(12, 64), nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, a):
        return self.head(torch.tanh(self.two(F.glu(self.one(a)))))


fit(Net())

# %% dropout behind the last layer
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.Dropout(0.3)))  # <- dropout-on-output

# %% dropout on the logits in forward
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.drop = nn.Linear(12, 32), nn.Linear(32, 3), nn.Dropout(0.2)

    def forward(self, a):
        return self.drop(self.fc2(F.relu(self.fc1(a))))  # <- dropout-on-output


fit(Net())

# %% dropout between logits and log-softmax
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, a):
        h = self.fc2(F.relu(self.fc1(a)))
        return F.log_softmax(F.dropout(h, 0.2, training=self.training), dim=1)  # <- dropout-on-output


fit(Net(), F.nll_loss)

# %% dropout in front of the head
# leaves: dropout-on-output, dropout-rate-out-of-range, dropout-before-batchnorm, dropout-at-inference, plain-dropout-after-selu, dropout-rate-inverted, dropout-rate-off-kind
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3)))

# %% dropout on the input, and of an embedding
# leaves: dropout-on-output, dropout-rate-out-of-range, dropout-at-inference, dropout-rate-inverted
fit(nn.Sequential(nn.Dropout(0.1), nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3)))

# %% nine tenths dropped
fit(nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Dropout(0.9), nn.Linear(64, 3)))  # <- dropout-rate-out-of-range

# %% dropout in every mode, by an argument
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv1d(1, 8, 3), nn.Linear(80, 3)

    def forward(self, a):
        h = F.dropout1d(F.relu(self.fc1(a.unsqueeze(1))), p=0.2, training=True)
        return self.fc2(F.dropout(h.flatten(1), 0.1))  # <- dropout-at-inference


fit(Net())

# %% everything dropped
class Net(nn.Module):
    def __init__(self, p=1.0):
        super().__init__()
        self.fc1, self.fc2, self.drop = nn.Linear(12, 32), nn.Linear(32, 3), nn.Dropout(p)  # <- dropout-rate-out-of-range

    def forward(self, a):
        return self.fc2(self.drop(F.relu(self.fc1(a))))


fit(Net())

# %% seven tenths dropped by a function
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 64), nn.Linear(64, 3)

    def forward(self, a):
        return self.fc2(F.dropout(F.relu(self.fc1(a)), p=0.7, training=self.training))  # <- dropout-rate-out-of-range


fit(Net())

# %% dropout in every mode
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 64), nn.Linear(64, 3)

    def forward(self, a):
        return self.fc2(F.dropout(F.relu(self.fc1(a)), p=0.2))  # <- dropout-at-inference


fit(Net())

# %% Monte-Carlo dropout
# leaves: dropout-at-inference
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 64), nn.Linear(64, 3)

    def forward(self, a):
        return self.fc2(torch.dropout(F.relu(self.fc1(a)), 0.2, True))


fit(Net())

# %% dropout built in forward
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 64), nn.Linear(64, 3)

    def forward(self, a):
        return self.fc2(nn.Dropout(0.2)(F.relu(self.fc1(a))))  # <- dropout-at-inference


fit(Net())

# %% dropout by mode, in a helper
# leaves: dropout-at-inference, dropout-on-output
def drop(h, p, training):
    return F.dropout(h, p, training)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 64), nn.Linear(64, 3)

    def forward(self, a):
        return self.fc2(drop(F.relu(self.fc1(a)), 0.2, self.training))


fit(Net())

# %% dropout in front of a batch norm
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.4), nn.Linear(32, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3)))  # <- dropout-before-batchnorm, redundant-regularizers

# %% dropout right in front of a batch norm
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.4), nn.BatchNorm1d(32), nn.Linear(32, 3)))  # <- dropout-before-batchnorm, redundant-regularizers

# %% dropout in front of a batch norm, in forward
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(12, 32), nn.Linear(32, 32, bias=False), nn.Linear(32, 3)
        self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(32)

    def forward(self, a):
        a = self.drop(F.relu(self.fc1(a)))  # <- dropout-before-batchnorm, redundant-regularizers
        return self.fc3(F.relu(self.norm(self.fc2(a))))


fit(Net())

# %% dropout in front of a layer norm
# leaves: dropout-before-batchnorm
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.4), nn.Linear(32, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 3)))

# %% SELU without its initialization
fit(nn.Sequential(nn.Linear(12, 32), nn.SELU(), nn.Dropout(0.1), nn.Linear(32, 32), nn.SELU(), nn.Linear(32, 3)))  # <- plain-dropout-after-selu, selu-not-self-normalizing

# %% SELU with He's initialization, functional
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(12, 32), nn.Linear(32, 32), nn.Linear(32, 3)  # <- selu-not-self-normalizing
        for layer in (self.fc1, self.fc2):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, a):
        a = F.selu(self.fc1(a))
        return self.fc3(F.dropout(F.selu(self.fc2(a)), 0.1, self.training))  # <- plain-dropout-after-selu


fit(Net())

# %% SELU behind batch norms
# leaves: selu-not-self-normalizing
fit(nn.Sequential(nn.Linear(12, 32, bias=False), nn.BatchNorm1d(32), nn.SELU(), nn.Dropout(0.1), nn.Linear(32, 3)))  # <- plain-dropout-after-selu

# %% SELU as it is meant
# leaves: selu-not-self-normalizing, plain-dropout-after-selu, init-mismatched-to-activation
model = nn.Sequential(nn.Linear(12, 32), nn.SELU(), nn.AlphaDropout(0.1), nn.Linear(32, 32), nn.SELU(), nn.Linear(32, 3))
for layer in model:
    if isinstance(layer, nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
        nn.init.zeros_(layer.bias)
fit(model)

# %% ELU needs no initialization of its own
# leaves: selu-not-self-normalizing, plain-dropout-after-selu, dropout-rate-inverted
fit(nn.Sequential(nn.Linear(12, 32), nn.ELU(), nn.Dropout(0.2), nn.Linear(32, 32), nn.ELU(), nn.Dropout(0.2), nn.Linear(32, 3)))

# %% GELU with dropout
# leaves: selu-not-self-normalizing, plain-dropout-after-selu, narrow-hidden-layer, unusual-hidden-depth, capacity-mismatch
fit(nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 3)))

# %% a narrow layer in the middle
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.ReLU(), nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 3)))  # <- narrow-hidden-layer

# %% a narrow layer in front of the head
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(12, 32), nn.Linear(32, 2), nn.Linear(2, 6)  # <- narrow-hidden-layer

    def forward(self, a):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(a)))))


labels = torch.arange(320) % 6
fit(Net(), target=labels)

# %% a narrow layer by sizes
sizes = [12, 48, 1, 48, 3]
layers = []
for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
    layers += [nn.Linear(a, b)] + ([nn.Tanh()] if i < 3 else [])  # <- narrow-hidden-layer
fit(nn.Sequential(*layers))

# %% an autoencoder
# leaves: narrow-hidden-layer, linear-after-linear, output-width-mismatch, bounded-regression-output, capacity-mismatch
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.ReLU(), nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 12)), F.mse_loss, x)

# %% no hidden layer
fit(nn.Linear(12, 3))  # <- unusual-hidden-depth

# %% no hidden layer, in a class
class Logistic(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(12, 1)  # <- unusual-hidden-depth

    def forward(self, a):
        return self.linear(a).squeeze(1)


fit(Logistic(), F.binary_cross_entropy_with_logits, (y > 0).float())

# %% eight hidden layers, normalized inputs
layers, old = [], 12
for i in range(7):
    layers += [nn.Linear(old, 48), nn.ReLU()]
    nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
    old = 48
fit(nn.Sequential(*layers, nn.Linear(48, 3)))  # <- unusual-hidden-depth

# %% a straight line through two features
# leaves: unusual-hidden-depth, linear-after-linear, capacity-mismatch
data = torch.randn(320, 2)
fit(nn.Linear(2, 1), F.mse_loss, data.sum(1, keepdim=True), data=data)

# %% more units than labels in use
# leaves: output-width-mismatch, class-imbalance
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 8)))

# %% fewer units than labels
try:
    fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2)))  # <- output-width-mismatch
except IndexError as error:
    print(error)

# %% one unit under cross-entropy
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 32), nn.Linear(32, 1)

    def forward(self, a):
        return self.fc2(F.relu(self.fc1(a)))  # <- output-width-mismatch


fit(Net(), nn.CrossEntropyLoss(), torch.zeros(320).long())

# %% fewer units than labels, in a class
class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Linear(12, 32)
        self.head = nn.Linear(32, classes)

    def forward(self, a):
        return self.head(F.relu(self.body(a)))  # <- output-width-mismatch


fit(Net(classes=4), nn.CrossEntropyLoss(), torch.arange(320) % 5)

# %% one unit for a binary answer
# leaves: output-width-mismatch, targets-wrong-form, logits-thresholded-at-half
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
fit(model, nn.BCEWithLogitsLoss(), (y > 0).float().unsqueeze(1))
with torch.no_grad():
    print((model(x) > 0).float().mean())

# %% a target of thousands
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1)), nn.MSELoss(), 5000 + 800 * x[:, :1])  # <- unscaled-target

# %% a target of millions in a class
class Price(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(12, 32), nn.Linear(32, 1)

    def forward(self, a):
        return self.out(torch.relu(self.body(a))).squeeze(1)


fit(Price(), nn.MSELoss(), 1e6 * (1 + x[:, 0].abs()))  # <- unscaled-target

# %% a target of years
fit(nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 1)), nn.MSELoss(), 1950 + 20 * x[:, 1:2])  # <- unscaled-target

# %% a target that is standardized
# leaves: unscaled-target, outlier-sensitive-loss
raw = 5000 + 800 * x[:, :1]
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1)), F.mse_loss, (raw - raw.mean()) / raw.std())

# %% the model scales its answer
# leaves: unscaled-target, oversized-activations
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, a):
        return 5000 + 800 * self.net(a)


fit(Scaled(), F.mse_loss, 5000 + 800 * x[:, :1])

# %% an absolute error on large values
# leaves: unscaled-target, outlier-sensitive-loss
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1)), F.l1_loss, 30 + 8 * x[:, :1])

# %% features in thousands
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3)), data=3000 + 500 * x)  # <- initial-loss-off, unscaled-features

# %% one feature in thousands, in a class
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 32), nn.Linear(32, 3)  # <- initial-loss-off

    def forward(self, a):
        return self.fc2(torch.relu(self.fc1(a)))  # <- unscaled-features


wild = x.clone()
wild[:, 3] = 40_000 + 9000 * wild[:, 3]
fit(Net(), data=wild)

# %% pixels up to 255
pixels = torch.randint(0, 256, (320, 1, 6, 6)).float()
fit(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3)), data=pixels)  # <- initial-loss-off, unscaled-features

# %% pixels divided in forward
# leaves: unscaled-features, oversized-activations
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 8, 3), nn.Linear(128, 3)

    def forward(self, a):
        return self.head(F.relu(self.conv(a / 255)).flatten(1))


fit(Net(), data=torch.randint(0, 256, (320, 1, 6, 6)).float())

# %% a batch norm at the entrance
# leaves: unscaled-features, oversized-activations, bias-before-norm
fit(nn.Sequential(nn.BatchNorm1d(12), nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3)), data=3000 + 500 * x)

# %% counts of words from zero to one
# leaves: unscaled-features
fit(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3)), data=(x > 0).float())

# %% layers in a list
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(12, 32), nn.Linear(32, 32)]  # <- unregistered-submodule
        self.head = nn.Linear(32, 3)

    def forward(self, a):
        for layer in self.hidden:
            a = F.relu(layer(a))
        return self.head(a)


fit(Net())

# %% layers in a dict
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = {"one": nn.Linear(12, 32), "two": nn.Linear(32, 32)}  # <- unregistered-submodule
        self.head = nn.Linear(32, 3)

    def forward(self, a):
        return self.head(F.relu(self.parts["two"](F.relu(self.parts["one"](a)))))


fit(Net())

# %% layers in a list by a comprehension
class Net(nn.Module):
    def __init__(self, sizes=(12, 32, 32)):
        super().__init__()
        self.hidden = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in zip(sizes, sizes[1:])]  # <- unregistered-submodule
        self.head = nn.Linear(32, 3)

    def forward(self, a):
        for layer in self.hidden:
            a = layer(a)
        return self.head(a)


fit(Net())

# %% a list of the same layers beside a Sequential
# leaves: unregistered-submodule, unused-parameters
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3)]
        self.steps = layers
        self.net = nn.Sequential(*layers)

    def forward(self, a):
        return self.net(a)


fit(Net())

# %% layers in a ModuleDict
# leaves: unregistered-submodule, unused-parameters
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict({"one": nn.Linear(12, 32), "two": nn.Linear(32, 3)})

    def forward(self, a):
        return self.parts["two"](F.relu(self.parts["one"](a)))


fit(Net())

# %% a teacher hidden in a tuple
# leaves: unregistered-submodule, unoptimized-parameters
class Student(nn.Module):
    def __init__(self, teacher):
        super().__init__()
        self.teacher = (teacher.requires_grad_(False),)
        self.net = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, a):
        return self.net(a) + 0.1 * self.teacher[0](a)


fit(Student(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))))

# %% a layer that nobody calls
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(12, 32), nn.Linear(32, 32), nn.Linear(32, 3)  # <- unused-parameters

    def forward(self, a):
        return self.out(F.relu(self.fc1(a)))


fit(Net())

# %% the first layer twice, the second never
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift = nn.Linear(12, 32)
        self.one = nn.Linear(32, 32)
        self.two = nn.Linear(32, 32)  # <- unused-parameters
        self.out = nn.Linear(32, 3)

    def forward(self, a):
        h = F.relu(self.one(F.relu(self.lift(a))))
        return self.out(F.relu(self.one(h)))


fit(Net())

# %% a norm that was left behind
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.out = nn.Linear(12, 32), nn.Linear(32, 3)
        self.norm = nn.LayerNorm(32)  # <- unused-parameters

    def forward(self, a):
        return self.out(F.relu(self.fc1(a)))


fit(Net())

# %% an argmax on the way
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(12, 32), nn.Linear(1, 3)

    def forward(self, a):
        choice = self.body(a).argmax(1, keepdim=True).float()  # <- no-gradient
        return self.out(choice / 32)


fit(Net())

# %% rounded on the way
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, a):
        return self.out(torch.round(self.body(a)))  # <- no-gradient


fit(Net())

# %% compared on the way
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, a):
        return self.out((self.body(a) > 0).float())  # <- no-gradient


fit(Net())

# %% a straight-through estimate
# leaves: no-gradient, dead-relu
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, a):
        h = torch.tanh(self.body(a))
        hard = h.sign()
        return self.out(h + (hard - h).detach())


fit(Net())

# %% a training method of one's own
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, a):
        return self.net(a)

    def eval(self, data, target):  # <- overridden-module-method
        return (self(data).argmax(1) == target).float().mean()


model = Net()
fit(model)

# %% parameters that are none
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))
        self.children = 2  # <- overridden-module-method

    def forward(self, a):
        return self.net(a)


model = Net()
optimizer = optim.AdamW(model.net.parameters(), lr=0.003)  # <- adam-without-nesterov
for epoch in range(40):
    for rows in torch.randperm(320).split(16):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()

# %% train that hands on
# leaves: overridden-module-method
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))

    def train(self, mode=True):
        super().train(mode)
        self.net[1].eval()
        return self

    def forward(self, a):
        return self.net(a)


fit(Net())

# %% parameters of the head alone, by a keyword
# leaves: overridden-module-method
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def parameters(self, recurse=True):
        return super().parameters(recurse)

    def forward(self, a):
        return self.net(a)


fit(Net())

# %% methods of other names
# leaves: overridden-module-method
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))
        self.kind = "dense"

    def fit(self, data):
        return data

    def forward(self, a):
        return self.net(a)


fit(Net())
