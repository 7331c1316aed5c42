import math

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(320, 12)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0.3).long()
z = x[:, :1] * x[:, 1:2] + 0.1 * torch.randn(320, 1)
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)


def fit(model, criterion, target=y, lr=0.003, epochs=40):
    optimizer = optim.AdamW(model.parameters(), lr=lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(16):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), target[rows])
            loss.backward()
            optimizer.step()


# %% softmax in a Sequential of a dict of parts
parts = nn.ModuleDict({"body": nn.Linear(12, 32), "head": nn.Sequential(nn.Linear(32, 3), nn.Softmax(dim=1))})  # <- softmax-before-cross-entropy


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = parts

    def forward(self, a):
        return self.parts["head"](F.relu(self.parts["body"](a)))


fit(Net(), nn.CrossEntropyLoss())

# %% softmax in a helper function
def probabilities(scores):
    return torch.softmax(scores, -1)  # <- softmax-before-cross-entropy


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, a):
        return probabilities(self.net(a))


fit(Net(), F.cross_entropy)

# %% softmax by hand
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, a):
        e = torch.exp(self.net(a))
        return e / e.sum(1, keepdim=True)


fit(Net(), nn.CrossEntropyLoss())

# %% softmax only when it predicts
# leaves: softmax-before-cross-entropy
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, a):
        scores = self.net(a)
        return scores if self.training else scores.softmax(1)


fit(Net(), nn.CrossEntropyLoss())

# %% logits and probabilities are returned
# leaves: softmax-before-cross-entropy, softmax-over-wrong-dim
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, a):
        scores = self.net(a)
        return scores, scores.softmax(1)


fit(Net(), lambda out, target: F.cross_entropy(out[0], target))

# %% log of a softmax under NLL
# leaves: nll-without-log-softmax, softmax-before-cross-entropy
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, a):
        return torch.log(self.net(a).softmax(1) + 1e-9)


fit(Net(), nn.NLLLoss())

# %% NLL on logits of a class
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(12, 32)
        self.out = nn.Linear(32, 3)

    def forward(self, a):
        return self.out(torch.tanh(self.hidden(a)))  # <- nll-without-log-softmax


fit(Net(), nn.NLLLoss())

# %% NLL on logits, functional
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))  # <- nll-without-log-softmax
fit(model, lambda out, target: F.nll_loss(out, target))

# %% NLL on probabilities
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.Softmax(dim=1))  # <- nll-without-log-softmax
fit(model, F.nll_loss)

# %% log-softmax and NLL
# leaves: nll-without-log-softmax, softmax-before-cross-entropy
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.LogSoftmax(dim=1))
fit(model, nn.NLLLoss())

# %% log-softmax into cross-entropy
# leaves: softmax-before-cross-entropy, nll-without-log-softmax
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.LogSoftmax(dim=1))
fit(model, nn.CrossEntropyLoss())

# %% mixture of experts with a softmax gate
# leaves: softmax-before-cross-entropy, linear-after-linear, unused-parameters
class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(12, 4)
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3)) for _ in range(4))

    def forward(self, a):
        weights = self.gate(a).softmax(1)
        outs = torch.stack([expert(a) for expert in self.experts], 1)
        return (weights.unsqueeze(2) * outs).sum(1)


fit(Experts(), nn.CrossEntropyLoss())

# %% ReLU on the logits, functional
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 32)
        self.fc2 = nn.Linear(32, 3)

    def forward(self, a):
        return F.relu(self.fc2(F.relu(self.fc1(a))))  # <- relu-before-loss


fit(Net(), nn.CrossEntropyLoss())

# %% ReLU on the logits by a loop over layers
class Net(nn.Module):
    def __init__(self, sizes=(12, 32, 32, 3)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, a):
        for layer in self.layers:
            a = torch.relu(layer(a))  # <- relu-before-loss
        return a


fit(Net(), nn.CrossEntropyLoss())

# %% ReLU at the end of a Sequential
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.ReLU())  # <- relu-before-loss
fit(model, nn.CrossEntropyLoss())

# %% ReLU inside, logits bare, loop stops before the last
# leaves: relu-before-loss, repeated-activation, unregistered-submodule
class Net(nn.Module):
    def __init__(self, sizes=(12, 32, 32, 3)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, a):
        for layer in self.layers[:-1]:
            a = torch.relu(layer(a))
        return self.layers[-1](a)


fit(Net(), nn.CrossEntropyLoss())

# %% counts are positive by a softplus
# leaves: bounded-regression-output, regression-loss-on-classes
counts = torch.poisson(2 + x[:, :1].abs())
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softplus())
fit(model, nn.PoissonNLLLoss(log_input=False), counts)

# %% a price that cannot be negative
# leaves: bounded-regression-output, relu-before-loss
price = x[:, :1].abs() + 0.5
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softplus())
fit(model, nn.MSELoss(), price)

# %% a sigmoid reaches values up to one alone
values = 3 + 2 * x[:, :1]
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())  # <- bounded-regression-output
fit(model, nn.MSELoss(), values)

# %% tanh on a regression output
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.ReLU())
        self.out = nn.Linear(32, 1)

    def forward(self, a):
        return torch.tanh(self.out(self.body(a)))  # <- bounded-regression-output


fit(Regressor(), nn.L1Loss(), 4 * x[:, :1])

# %% softplus on values that go below zero
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.ReLU())
        self.out = nn.Linear(32, 1)

    def forward(self, a):
        return F.softplus(self.out(self.body(a)))  # <- bounded-regression-output


fit(Regressor(), nn.SmoothL1Loss(), z)

# %% tanh scaled to the range of the targets
# leaves: bounded-regression-output
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.ReLU())
        self.out = nn.Linear(32, 1)

    def forward(self, a):
        return 5 * torch.tanh(self.out(self.body(a)))


fit(Regressor(), nn.MSELoss(), 4 * torch.tanh(x[:, :1]))

# %% a share between zero and one by a sigmoid
# leaves: bounded-regression-output, sigmoid-loss-mismatch, regression-loss-on-classes
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())
fit(model, nn.MSELoss(), torch.sigmoid(x[:, :1]))

# %% an angle by a tanh
# leaves: bounded-regression-output
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Tanh())
fit(model, nn.MSELoss(), torch.sin(x[:, :1]))

# %% BCE on raw scores
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))  # <- sigmoid-loss-mismatch
try:
    fit(model, nn.BCELoss(), (z > 0).float())
except RuntimeError as error:
    print(error)

# %% logits loss on a sigmoid, in forward
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 32), nn.Linear(32, 1)

    def forward(self, a):
        return torch.sigmoid(self.fc2(F.relu(self.fc1(a))))  # <- sigmoid-loss-mismatch


fit(Net(), nn.BCEWithLogitsLoss(), (z > 0).float())

# %% logits loss on a sigmoid, by a layer
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())  # <- sigmoid-loss-mismatch
fit(model, F.binary_cross_entropy_with_logits, (z > 0).float())

# %% BCE on a sigmoid
# leaves: sigmoid-loss-mismatch, softmax-on-one-unit
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())
fit(model, nn.BCELoss(), (z > 0).float())

# %% BCE on a noisy-or of parts
# leaves: sigmoid-loss-mismatch
class NoisyOr(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Linear(12, 4)

    def forward(self, a):
        return 1 - (1 - torch.sigmoid(self.parts(a))).prod(1, keepdim=True)


fit(NoisyOr(), nn.BCELoss(), (z > 0).float())

# %% BCE on clamped values
# leaves: sigmoid-loss-mismatch
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())

    def forward(self, a):
        return self.net(a).clamp(1e-6, 1 - 1e-6)


fit(Net(), F.binary_cross_entropy, (z > 0).float())

# %% softmax over one unit, binary
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softmax(dim=1))  # <- softmax-on-one-unit
fit(model, nn.BCELoss(), (z > 0).float())

# %% log-softmax over one unit
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, a):
        return F.log_softmax(self.net(a), dim=-1)  # <- softmax-on-one-unit


fit(Net(), F.mse_loss, z)

# %% softmax over one unit in the training loop
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
fit(model, lambda out, target: F.mse_loss(torch.softmax(out, 1), target), (z > 0).float())  # <- regression-loss-on-classes, softmax-on-one-unit

# %% attention pooling over twelve positions with one score each
# leaves: softmax-on-one-unit, softmax-over-wrong-dim
class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift = nn.Linear(1, 16)
        self.score = nn.Linear(16, 1)
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        h = torch.tanh(self.lift(a.unsqueeze(2)))
        weights = self.score(h).softmax(dim=1)
        return self.head((weights * h).sum(1))


fit(Pool(), nn.CrossEntropyLoss())

# %% softmax over two units
# leaves: softmax-on-one-unit, nll-without-log-softmax
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2), nn.LogSoftmax(dim=1))
fit(model, nn.NLLLoss(), (z[:, 0] > 0).long())

# %% softmax under a binary loss on several labels
labels = (x[:, :4] > 0).float()
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 4), nn.Softmax(dim=1))  # <- softmax-loss-mismatch
fit(model, nn.BCELoss(), labels)

# %% softmax under a logits loss on several labels
labels = (x[:, :4] > 0).float()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, a):
        return F.softmax(self.net(a), dim=1)  # <- softmax-loss-mismatch


fit(Net(), nn.BCEWithLogitsLoss(), labels)

# %% softmax and squared error on labels
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.Softmax(dim=1))
fit(model, nn.MSELoss(), F.one_hot(y, 3).float())  # <- regression-loss-on-classes

# %% squared error on a teacher's probabilities
# leaves: softmax-loss-mismatch, regression-loss-on-classes, unoptimized-parameters, outlier-sensitive-loss
teacher = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3)).requires_grad_(False)
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3), nn.Softmax(dim=1))
optimizer = optim.AdamW(model.parameters(), lr=0.003)
for epoch in range(40):
    for a, b in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(a), teacher(a).softmax(1))
        loss.backward()
        optimizer.step()

# %% several labels by sigmoids
# leaves: softmax-loss-mismatch, sigmoid-loss-mismatch, output-width-mismatch
labels = (x[:, :4] > 0).float()
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 4))
fit(model, nn.BCEWithLogitsLoss(), labels)

# %% squared error on class numbers, argmax scored
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))
fit(model, lambda out, target: F.mse_loss(out, F.one_hot(target, 3).float()))  # <- regression-loss-on-classes
with torch.no_grad():
    print((model(x).argmax(1) == y).float().mean())

# %% squared error on one class number
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
fit(model, lambda out, target: F.mse_loss(out.squeeze(1), target.float()))

# %% absolute error on one-hot rows
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))
fit(model, nn.L1Loss(), F.one_hot(y, 3).float())  # <- regression-loss-on-classes

# %% squared error on a count
# leaves: regression-loss-on-classes
count = torch.poisson(3 + 2 * x[:, :1].abs())
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
fit(model, nn.MSELoss(), count)

# %% least squares GAN's labels are constants
# leaves: regression-loss-on-classes, softmax-loss-mismatch
critic = nn.Sequential(nn.Linear(12, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
optimizer = optim.AdamW(critic.parameters(), lr=0.003)
for epoch in range(40):
    for (a,) in DataLoader(TensorDataset(x), batch_size=16, shuffle=True):
        optimizer.zero_grad()
        real, fake = critic(a), critic(torch.randn_like(a))
        loss = F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake))
        loss.backward()
        optimizer.step()

# %% ordinary regression
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
fit(model, nn.MSELoss(), z)
