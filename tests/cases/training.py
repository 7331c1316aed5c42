import copy
import random

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(400, 10)
y = (x[:, 0] * x[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(x[:320], y[:320]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(x[320:], y[320:]), batch_size=16)
criterion = nn.CrossEntropyLoss()


def network():
    return nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 2))


# %% plain SGD
model = network()
optimizer = optim.SGD(model.parameters(), lr=0.05)  # <- constant-learning-rate, sgd-without-momentum, slow-optimizer, weight-averaging-untried
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()  # <- unseeded-run
        optimizer.step()

# %% plain SGD in a function
def train(net, lr):
    opt = torch.optim.SGD(params=net.parameters(), lr=lr, momentum=0.0)  # <- constant-learning-rate, sgd-without-momentum, slow-optimizer, weight-averaging-untried
    for epoch in range(30):
        for a, b in train_loader:
            loss = criterion(net(a), b)
            opt.zero_grad()
            loss.backward()
            opt.step()


torch.manual_seed(0)
train(network(), 0.05)

# %% plain SGD with weight decay, in a class
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = optim.SGD(net.parameters(), lr=0.05, weight_decay=1e-4)  # <- constant-learning-rate, sgd-without-momentum, slow-optimizer

    def run(self):
        for epoch in range(30):
            for a, b in train_loader:
                self.optimizer.zero_grad()
                criterion(self.net(a), b).backward()  # <- unseeded-run
                self.optimizer.step()


Trainer(network()).run()

# %% SGD with Nesterov's momentum
# leaves: sgd-without-momentum, momentum-out-of-range, momentum-without-nesterov, adam-without-nesterov, coupled-weight-decay, unseeded-run
torch.manual_seed(1)
model = network()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)  # <- weight-averaging-untried
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% momentum of one
model = network()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=1.0)  # <- momentum-out-of-range
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()  # <- unseeded-run
        optimizer.step()

# %% momentum far too long
model = network()
optimizer = optim.SGD(model.parameters(), 0.001, 0.999)  # <- default-learning-rate, momentum-out-of-range, momentum-without-nesterov
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% RMSprop with a momentum over one
model = network()
optimizer = optim.RMSprop(model.parameters(), lr=0.001, momentum=1.2)  # <- momentum-out-of-range
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% SGD with dampened momentum
# leaves: momentum-out-of-range, sgd-without-momentum, momentum-without-nesterov
model = network()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, dampening=0.1)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% averaged SGD
# leaves: sgd-without-momentum, momentum-out-of-range, momentum-without-nesterov, coupled-weight-decay, adam-without-nesterov
model = network()
optimizer = optim.ASGD(model.parameters(), lr=0.05)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% decay inside Adam
torch.manual_seed(0)
model = network()
optimizer = optim.Adam(model.parameters(), lr=0.001, weight_decay=1e-2)  # <- adam-without-nesterov, coupled-weight-decay, default-learning-rate
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% decay inside Adam, in a class
class Trainer:
    def __init__(self, net, decay=1e-3):
        self.net, self.decay = net, decay
        self.optimizer = torch.optim.Adam(self.net.parameters(), 1e-3, weight_decay=decay)  # <- adam-without-nesterov, coupled-weight-decay, default-learning-rate

    def run(self):
        for epoch in range(30):
            for a, b in train_loader:
                self.optimizer.zero_grad()
                criterion(self.net(a), b).backward()
                self.optimizer.step()


Trainer(network()).run()

# %% decay inside Adam, by groups
model = network()
optimizer = optim.Adam(  # <- adam-without-nesterov, coupled-weight-decay
    [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.002}], lr=0.001, weight_decay=0.01
)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% Adam without decay
# leaves: coupled-weight-decay, sgd-without-momentum, decayed-norms-and-biases
model = network()
optimizer = optim.Adam(model.parameters(), lr=0.001)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% AdamW, decay for matrices alone
# leaves: decayed-norms-and-biases, coupled-weight-decay, slow-optimizer
model = nn.Sequential(nn.Linear(10, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))  # <- activation-off-goal
matrices = [p for p in model.parameters() if p.ndim > 1]
others = [p for p in model.parameters() if p.ndim <= 1]
optimizer = optim.AdamW(
    [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=0.002
)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% decay for all of a net with norms
model = nn.Sequential(nn.Linear(10, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))  # <- activation-off-goal
optimizer = optim.AdamW(model.parameters(), lr=0.002, weight_decay=0.05)  # <- decayed-norms-and-biases
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% decay for all of a net with layer norms, SGD
model = nn.Sequential(nn.Linear(10, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 2))  # <- activation-off-goal
optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-3)  # <- decayed-norms-and-biases
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% decay for an embedding and a norm
words = torch.randint(0, 30, (320, 6))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.norm, self.head = nn.Embedding(30, 16), nn.LayerNorm(16), nn.Linear(16, 2)

    def forward(self, ids):
        return self.head(self.norm(self.words(ids).mean(1)))


model = Bag()
optimizer = optim.AdamW(model.parameters(), lr=0.002, weight_decay=0.1)  # <- decayed-norms-and-biases
for epoch in range(30):
    for rows in torch.randperm(320).split(16):
        optimizer.zero_grad()
        criterion(model(words[rows]), y[rows]).backward()
        optimizer.step()

# %% a rate of one for Adam
model = network()
optimizer = optim.Adam(model.parameters(), lr=1.0)  # <- learning-rate-out-of-range
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% a rate from a configuration far too small
config = {"lr": 1e-8, "epochs": 30}
model = network()
optimizer = optim.AdamW(model.parameters(), lr=config["lr"])  # <- learning-rate-out-of-range
for epoch in range(config["epochs"]):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% a rate of ten for SGD
model = network()
optimizer = optim.SGD(model.parameters(), lr=10, momentum=0.9, nesterov=True)  # <- learning-rate-out-of-range
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% Adadelta has a rate of one
# leaves: learning-rate-out-of-range, default-learning-rate, coupled-weight-decay
model = network()
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% LBFGS has a rate of one
# leaves: learning-rate-out-of-range, large-batch, few-epochs, missing-zero-grad, default-learning-rate, slow-optimizer
model = network()
optimizer = optim.LBFGS(model.parameters(), lr=1.0)


def closure():
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    return loss


for step in range(20):
    optimizer.step(closure)

# %% a small rate under a summed loss
# leaves: learning-rate-out-of-range
model = network()
optimizer = optim.SGD(model.parameters(), lr=5e-6, momentum=0.9, nesterov=True)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(a), b, reduction="sum").backward()
        optimizer.step()

# %% gradients that are never cleared, in a class
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = optim.AdamW(net.parameters(), lr=0.002)

    def turn(self, a, b):
        loss = criterion(self.net(a), b)
        loss.backward()  # <- missing-zero-grad
        self.optimizer.step()
        return loss.item()

    def run(self):
        for epoch in range(30):
            for a, b in train_loader:
                self.turn(a, b)


Trainer(network()).run()

# %% gradients cleared once before the loop
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
optimizer.zero_grad()
for epoch in range(30):
    for a, b in train_loader:
        loss = criterion(model(a), b)
        loss.backward()  # <- missing-zero-grad
        optimizer.step()

# %% gradients cleared once an epoch
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    optimizer.zero_grad()
    for a, b in train_loader:
        loss = criterion(model(a), b)
        loss.backward()  # <- missing-zero-grad
        optimizer.step()

# %% gradients set to None by hand
# leaves: missing-zero-grad, step-order
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        for p in model.parameters():
            p.grad = None
        criterion(model(a), b).backward()
        optimizer.step()

# %% the model clears the gradients
# leaves: missing-zero-grad, step-order
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        loss = criterion(model(a), b)
        loss.backward()
        optimizer.step()
        model.zero_grad(set_to_none=True)

# %% gradients by a functional call
# leaves: missing-zero-grad, unoptimized-parameters, no-gradient
model = network()
weights = list(model.parameters())
optimizer = optim.AdamW(weights, lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        loss = criterion(model(a), b)
        for p, g in zip(weights, torch.autograd.grad(loss, weights)):
            p.grad = g
        optimizer.step()

# %% an optimizer for the head alone, by mistake
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(10, 32), nn.Linear(32, 2)

    def forward(self, a):
        return self.head(F.relu(self.body(a)))


model = Net()
optimizer = optim.AdamW(model.head.parameters(), lr=0.002)  # <- unoptimized-parameters
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% a layer that was put in later
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)  # <- unoptimized-parameters
model[2] = nn.Linear(32, 2)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% a frozen body
# leaves: unoptimized-parameters, no-gradient, unused-parameters
body = nn.Sequential(nn.Linear(10, 32), nn.ReLU()).requires_grad_(False)
model = nn.Sequential(body, nn.Linear(32, 2))
optimizer = optim.AdamW(model[1].parameters(), lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% two optimizers share the model
# leaves: unoptimized-parameters, missing-zero-grad, optimizer-recreated-each-step
model = network()
one = optim.AdamW(model[0].parameters(), lr=0.002)
two = optim.SGD(model[2].parameters(), lr=0.01, momentum=0.9, nesterov=True)
for epoch in range(30):
    for a, b in train_loader:
        one.zero_grad()
        two.zero_grad()
        criterion(model(a), b).backward()
        one.step()
        two.step()

# %% a slow copy of the model is averaged by hand
# leaves: unoptimized-parameters, swa-without-bn-update, weight-averaging-untried, state-dict-by-reference
model = network()
average = copy.deepcopy(model).requires_grad_(False)
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(a), b) + 0.1 * F.mse_loss(model(a), average(a))
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for p, q in zip(average.parameters(), model.parameters()):
                p.lerp_(q, 0.01)

# %% weights in bfloat16
model = network().to(torch.bfloat16)
optimizer = optim.AdamW(model.parameters(), lr=0.002)  # <- half-precision-weights
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a.to(torch.bfloat16)).float(), b).backward()
        optimizer.step()

# %% weights in bfloat16, layer by layer
model = nn.Sequential(nn.Linear(10, 32, dtype=torch.bfloat16), nn.ReLU(), nn.Linear(32, 2, dtype=torch.bfloat16))
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)  # <- half-precision-weights
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a.bfloat16()).float(), b).backward()
        optimizer.step()

# %% a model that makes itself small
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(10, 32), nn.Linear(32, 2)
        self.bfloat16()

    def forward(self, a):
        return self.head(F.relu(self.body(a.bfloat16()))).float()


model = Net()
optimizer = optim.AdamW(model.parameters(), lr=0.002)  # <- half-precision-weights
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% autocast over float32 weights
# leaves: half-precision-weights
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = criterion(model(a), b)
        loss.backward()
        optimizer.step()

# %% a frozen half-precision teacher
# leaves: half-precision-weights, unoptimized-parameters
teacher = network().bfloat16().requires_grad_(False)
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(a), b) + F.mse_loss(model(a), teacher(a.bfloat16()).float())
        loss.backward()
        optimizer.step()

# %% a model in double precision
# leaves: half-precision-weights, unscaled-features
model = network().double()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a.double()), b).backward()
        optimizer.step()

# %% batches of 160
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(30):
    for a, b in DataLoader(train_loader.dataset, batch_size=160, shuffle=True):
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()  # <- large-batch

# %% batches of 200 from a configuration
config = {"batch": 200, "epochs": 40}
loader = DataLoader(train_loader.dataset, shuffle=True, batch_size=config["batch"])
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(config["epochs"]):
    for a, b in loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()  # <- large-batch

# %% batches of 128 in a function
def train(net, batch_size=128, epochs=20):
    opt = optim.AdamW(net.parameters(), lr=0.002)
    loader = DataLoader(train_loader.dataset, batch_size, shuffle=True)
    for _ in range(epochs):
        for a, b in loader:
            opt.zero_grad()
            criterion(net(a), b).backward()
            opt.step()  # <- large-batch


train(network())

# %% batches of 160 for many epochs
# leaves: large-batch, few-epochs
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(300):
    for a, b in DataLoader(train_loader.dataset, batch_size=160, shuffle=True):
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()

# %% all samples at once
# leaves: large-batch, unshuffled-training-data, missing-eval-mode
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(200):
    optimizer.zero_grad()
    criterion(model(x), y).backward()
    optimizer.step()  # <- few-epochs

# %% two epochs
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(2):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()  # <- few-epochs

# %% a loop of a few steps
model = network()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for step in range(50):
    rows = torch.randint(0, 400, (16,))
    optimizer.zero_grad()
    criterion(model(x[rows]), y[rows]).backward()
    optimizer.step()  # <- few-epochs

# %% a hundred updates by a class
class Trainer:
    def __init__(self, net, epochs=5):
        self.net, self.epochs = net, epochs
        self.optimizer = optim.Adam(net.parameters(), 1e-3)

    def run(self):
        for epoch in range(self.epochs):
            for a, b in train_loader:
                self.optimizer.zero_grad()
                criterion(self.net(a), b).backward()
                self.optimizer.step()


Trainer(network()).run()

# %% a cosine schedule over the whole run
# leaves: constant-learning-rate, default-learning-rate, scheduler-unit-mismatch, few-epochs, adam-without-nesterov, slow-optimizer, sgd-without-momentum, unseeded-run
torch.manual_seed(2)
model = network()
optimizer = optim.NAdam(model.parameters(), lr=0.003)
scheduler = CosineAnnealingLR(optimizer, T_max=30)
for epoch in range(30):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()
    scheduler.step()

# %% steps of a schedule
# leaves: constant-learning-rate, momentum-without-nesterov, scheduler-before-optimizer, unseeded-run
torch.manual_seed(3)
model = network()
optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
scheduler = StepLR(optimizer, 12, gamma=0.3)
for epoch in range(36):
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()
    scheduler.step()

# %% a plateau of the validation loss
# leaves: constant-learning-rate, plateau-without-metric, best-weights-not-kept
model = network()
optimizer = optim.NAdam(model.parameters(), lr=0.003)
scheduler = ReduceLROnPlateau(optimizer, patience=3)
best, kept = float("inf"), None
for epoch in range(30):
    model.train()
    for a, b in train_loader:
        optimizer.zero_grad()
        criterion(model(a), b).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        value = sum(criterion(model(a), b).item() for a, b in val_loader) / len(val_loader)
    scheduler.step(value)
    if value < best:
        best, kept = value, copy.deepcopy(model.state_dict())
model.load_state_dict(kept)
