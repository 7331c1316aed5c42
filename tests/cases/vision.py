import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(192, 3, 16, 16)
y = (x[:, 0, :8].mean((1, 2)) > 0).long() + (x[:, 1, :, 8:].mean((1, 2)) > 0).long()
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)


def fit(model, criterion=F.cross_entropy, optimizer=None):
    optimizer = optimizer or optim.AdamW(model.parameters(), lr=0.002)
    model.train()
    for epoch in range(60):
        for a, b in loader:
            optimizer.zero_grad()
            loss = criterion(model(a), b)
            loss.backward()
            optimizer.step()


# %% squeeze and excite
# leaves: saturating-hidden-activation, narrow-hidden-layer, repeated-activation, linear-after-linear, softmax-over-wrong-dim
class Excite(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1)

    def forward(self, h):
        gate = F.adaptive_avg_pool2d(h, 1)
        return h * torch.sigmoid(self.up(F.relu(self.down(gate))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Excite(16))
        self.two = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), Excite(32))
        self.head = nn.Linear(32, 3)

    def forward(self, a):
        return self.head(self.two(F.max_pool2d(self.one(a), 2)).mean((2, 3)))


fit(Net())

# %% inverted residuals and depthwise convolutions
# leaves: linear-after-linear, bias-before-norm, reused-batchnorm, norm-after-output, batchnorm-momentum-inverted
class Inverted(nn.Module):
    def __init__(self, width, factor=4):
        super().__init__()
        inner = width * factor
        self.net = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner, momentum=0.01),
            nn.ReLU6(),
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner, momentum=0.01),
            nn.ReLU6(),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width, momentum=0.01),
        )

    def forward(self, h):
        return h + self.net(h)


model = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU6(), Inverted(16), Inverted(16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)
)
fit(model)

# %% separable convolution without an activation between
# leaves: linear-after-linear, narrow-hidden-layer
class Separable(nn.Module):
    def __init__(self, old, new):
        super().__init__()
        self.depthwise = nn.Conv2d(old, old, 3, padding=1, groups=old)
        self.pointwise = nn.Conv2d(old, new, 1)

    def forward(self, h):
        return F.relu(self.pointwise(self.depthwise(h)))


model = nn.Sequential(Separable(3, 16), nn.MaxPool2d(2), Separable(16, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3))
fit(model)

# %% bias in front of a batch norm, in a block
class Block(nn.Module):
    def __init__(self, old, new):
        super().__init__()
        self.conv = nn.Conv2d(old, new, 3, padding=1)  # <- bias-before-norm
        self.norm = nn.BatchNorm2d(new)

    def forward(self, h):
        return F.relu(self.norm(self.conv(h)))


fit(nn.Sequential(Block(3, 16), nn.MaxPool2d(2), Block(16, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)))

# %% bias in front of a batch norm, in a Sequential
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1),  # <- bias-before-norm
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(16, 3),
)
fit(model)

# %% bias in front of a batch norm, in a dense net
model = nn.Sequential(nn.Flatten(), nn.Linear(768, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))  # <- bias-before-norm
fit(model)

# %% bias in front of a layer norm and a group norm
# leaves: bias-before-norm
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    nn.Linear(16, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 3),
)
fit(model)

# %% an activation between layer and batch norm
# leaves: bias-before-norm, dropout-before-batchnorm
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(16), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1),
    nn.ReLU(), nn.BatchNorm2d(16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 3),  # <- dropout-rate-off-kind
)
fit(model)

# %% momentum as Keras writes it
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16, momentum=0.99), nn.ReLU(),  # <- batchnorm-momentum-inverted
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3),
)
fit(model)

# %% momentum as Keras writes it, from a helper
def norm(width):
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.9)  # <- batchnorm-momentum-inverted


model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1, bias=False), norm(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)
)
fit(model)

# %% momentum as Keras writes it, on instance and batch norm of vectors
model = nn.Sequential(nn.Flatten(), nn.Linear(768, 32, bias=False), nn.BatchNorm1d(32, momentum=0.997), nn.ReLU(), nn.Linear(32, 3))  # <- batchnorm-momentum-inverted
fit(model)

# %% cumulative averages
# leaves: batchnorm-momentum-inverted
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16, momentum=None), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
    nn.Flatten(), nn.Linear(16, 3),
)
fit(model)

# %% batch norm without running figures
# leaves: batchnorm-momentum-inverted, reused-batchnorm
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16, track_running_stats=False)
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        a = F.relu(self.norm(self.one(a)))
        return self.head(F.relu(self.norm(self.two(a))).mean((2, 3)))


fit(Net())

# %% one batch norm for two convolutions
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)  # <- reused-batchnorm
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        a = F.relu(self.norm(self.one(a)))
        return self.head(F.relu(self.norm(self.two(a))).mean((2, 3)))


fit(Net())

# %% one batch norm for all layers of a list
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.Conv2d(16, 16, 3, padding=1, bias=False)])
        self.norm = nn.BatchNorm2d(16)  # <- reused-batchnorm
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        for layer in self.layers:
            a = F.relu(self.norm(layer(a)))
        return self.head(a.mean((2, 3)))


fit(Net())

# %% one batch norm for two branches
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.Conv2d(3, 16, 5, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(16)  # <- reused-batchnorm
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        h = F.relu(self.norm(self.left(a))) + F.relu(self.norm(self.right(a)))
        return self.head(h.mean((2, 3)))


fit(Net())

# %% Siamese towers
# leaves: reused-batchnorm, missing-eval-mode
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.out = nn.Linear(16, 8)

    def forward(self, a):
        return self.out(F.relu(self.norm(self.conv(a))).mean((2, 3)))


tower = Tower()
optimizer = optim.AdamW(tower.parameters(), lr=0.002)
for epoch in range(60):
    for a, b in loader:
        optimizer.zero_grad()
        loss = F.cosine_embedding_loss(tower(a), tower(a.flip(0)), (b == b.flip(0)).float() * 2 - 1)
        loss.backward()
        optimizer.step()

# %% flattened into the batch
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8 * 64, 3)

    def forward(self, a):
        h = F.max_pool2d(F.relu(self.conv(a)), 2)
        return self.fc(h.permute(1, 0, 2, 3).reshape(len(a), -1))  # <- batch-mixed-by-reshape


fit(Net())

# %% a transpose of the batch in front of a reshape
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(768, 3)
        self.hidden = nn.Linear(768, 768)

    def forward(self, a):
        h = F.relu(self.hidden(a.flatten(1)))
        return self.fc(h.t().reshape(h.shape))  # <- batch-mixed-by-reshape


fit(Net())

# %% channels and batch exchanged by a view
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, padding=1)
        self.fc = nn.Linear(24, 3)

    def forward(self, a):
        h = F.relu(self.conv(a)).mean((2, 3))
        return self.fc(h.t().reshape(len(a), 24))  # <- batch-mixed-by-reshape


fit(Net())

# %% channel shuffle
# leaves: batch-mixed-by-reshape
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1, groups=4)
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        h = F.relu(self.one(a))
        n, c, height, width = h.shape
        h = h.view(n, 4, c // 4, height, width).transpose(1, 2).reshape(n, c, height, width)
        return self.head(F.relu(self.two(h)).mean((2, 3)))


fit(Net())

# %% patches folded into the batch and back
# leaves: batch-mixed-by-reshape, batch-axis-taken-as-time
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(3 * 16, 32)
        self.head = nn.Linear(32, 3)

    def forward(self, a):
        n = len(a)
        h = a.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).reshape(n * 16, 48)
        h = F.relu(self.patch(h)).view(n, 16, 32)
        return self.head(h.mean(1))


fit(Net())

# %% in-batch similarities
# leaves: batch-mixed-by-reshape, norm-after-output
encoder = nn.Sequential(nn.Flatten(), nn.Linear(768, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
optimizer = optim.AdamW(encoder.parameters(), lr=0.002)
for epoch in range(60):
    for a, _ in loader:
        optimizer.zero_grad()
        one, two = encoder(a), encoder(a + 0.1 * torch.randn_like(a))
        scores = F.normalize(one, dim=1) @ F.normalize(two, dim=1).t() / 0.2
        loss = F.cross_entropy(scores, torch.arange(len(a)))
        loss.backward()
        optimizer.step()

# %% softmax over the batch
model = nn.Sequential(nn.Flatten(), nn.Linear(768, 32), nn.ReLU(), nn.Linear(32, 3), nn.LogSoftmax(dim=0))  # <- softmax-over-wrong-dim
fit(model, nn.NLLLoss())

# %% softmax over the batch in attention
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift, self.score, self.head = nn.Linear(48, 16), nn.Linear(16, 1), nn.Linear(16, 3)

    def forward(self, a):
        h = torch.relu(self.lift(a.transpose(1, 2).flatten(2)))
        weights = F.softmax(self.score(h), dim=0)  # <- softmax-over-wrong-dim
        return self.head((h * weights).sum(1))


fit(Net())

# %% softmax without an axis in three dimensions
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift, self.score, self.head = nn.Linear(48, 16), nn.Linear(16, 1), nn.Linear(16, 3)
        self.softmax = nn.Softmax()

    def forward(self, a):
        h = torch.relu(self.lift(a.transpose(1, 2).flatten(2)))
        return self.head((h * self.softmax(self.score(h))).sum(1))  # <- softmax-over-wrong-dim


fit(Net())

# %% attention over rows of a picture
# leaves: softmax-over-wrong-dim, softmax-on-one-unit
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift, self.score, self.head = nn.Linear(48, 16), nn.Linear(16, 1), nn.Linear(16, 3)

    def forward(self, a):
        h = torch.relu(self.lift(a.transpose(1, 2).flatten(2)))
        return self.head((h * self.score(h).softmax(1)).sum(1))


fit(Net())

# %% slots compete for positions
# leaves: softmax-over-wrong-dim, batch-mixed-by-reshape
class Slots(nn.Module):
    def __init__(self):
        super().__init__()
        self.slots = nn.Parameter(0.2 * torch.randn(4, 16))
        self.lift, self.head = nn.Linear(48, 16), nn.Linear(64, 3)

    def forward(self, a):
        h = self.lift(a.transpose(1, 2).flatten(2))
        weights = torch.einsum("kd,nld->nkl", self.slots, h).softmax(dim=1)
        return self.head(torch.einsum("nkl,nld->nkd", weights, h).flatten(1))


fit(Slots())

# %% dense layers on all pixels of larger pictures
big = torch.randn(64, 3, 40, 40)
labels = (big[:, 0].mean((1, 2)) > 0).long()
model = nn.Sequential(nn.Flatten(), nn.Linear(4800, 32), nn.ReLU(), nn.Linear(32, 2))  # <- dense-only-image-model
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(200):
    for rows in torch.randperm(64).split(16):
        optimizer.zero_grad()
        F.cross_entropy(model(big[rows]), labels[rows]).backward()
        optimizer.step()

# %% dense layers on grey pictures of 64 by 64, by a view
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64 * 64, 16)  # <- dense-only-image-model
        self.fc2 = nn.Linear(16, 2)

    def forward(self, a):
        return self.fc2(F.relu(self.fc1(a.view(a.size(0), -1))))


big = torch.randn(64, 1, 64, 64)
labels = (big[:, 0].mean((1, 2)) > 0).long()
model = Net()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(200):
    for rows in torch.randperm(64).split(16):
        optimizer.zero_grad()
        F.cross_entropy(model(big[rows]), labels[rows]).backward()
        optimizer.step()

# %% a dense generator's critic on larger pictures
big = torch.randn(64, 3, 32, 32)
labels = (big[:, 0].mean((1, 2)) > 0).float()
model = nn.Sequential(nn.Flatten(start_dim=1), nn.Linear(3072, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))  # <- dense-only-image-model
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(200):
    for rows in torch.randperm(64).split(16):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(big[rows]).squeeze(1), labels[rows]).backward()
        optimizer.step()

# %% dense layers on small pictures
# leaves: dense-only-image-model, kernel-beyond-map, shrunk-to-nothing
fit(nn.Sequential(nn.Flatten(), nn.Linear(768, 32), nn.ReLU(), nn.Linear(32, 3)))

# %% a mixer of patches
# leaves: dense-only-image-model, linear-after-linear
class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 4, 4)
        self.tokens = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 64))
        self.channels = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 2)

    def forward(self, a):
        h = self.patch(a).flatten(2)
        h = (h + self.tokens(h)).transpose(1, 2)
        h = h + self.channels(h)
        return self.head(h.mean(1))


big = torch.randn(64, 3, 32, 32)
labels = (big[:, 0].mean((1, 2)) > 0).long()
model = Mixer()
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(200):
    for rows in torch.randperm(64).split(16):
        optimizer.zero_grad()
        F.cross_entropy(model(big[rows]), labels[rows]).backward()
        optimizer.step()

# %% convolutions in front of the dense layers
# leaves: dense-only-image-model, shrunk-to-nothing
big = torch.randn(64, 3, 40, 40)
labels = (big[:, 0].mean((1, 2)) > 0).long()
model = nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(648, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = optim.AdamW(model.parameters(), lr=0.002)
for epoch in range(200):
    for rows in torch.randperm(64).split(16):
        optimizer.zero_grad()
        F.cross_entropy(model(big[rows]), labels[rows]).backward()
        optimizer.step()

# %% a map of one pixel before the last convolutions
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, 4, 1), nn.Conv2d(8, 8, 3, 4, 1)  # <- bias-before-norm
        self.norm = nn.BatchNorm2d(8)
        self.three, self.four = nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 1, 1)
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        h = F.relu(self.norm(self.two(F.relu(self.one(a)))))
        h = F.relu(self.four(F.relu(self.three(h))))  # <- shrunk-to-nothing
        return self.head(h.flatten(1))


fit(Net())

# %% pools until one pixel is left
layers, width = [], 3
for new in (8, 8, 16, 16):
    layers += [nn.Conv2d(width, new, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    width = new
layers += [nn.BatchNorm2d(16), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]  # <- shrunk-to-nothing
layers += [nn.Flatten(), nn.Linear(16, 3)]
fit(nn.Sequential(*layers))

# %% a kernel larger than the map that it sees
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(4), nn.Conv2d(8, 16, 7, padding=3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)  # <- kernel-beyond-map
)
fit(model)

# %% an average over more than the map
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 4, 1)
        self.wide = nn.Conv2d(16, 16, 9, padding=4)  # <- kernel-beyond-map
        self.head = nn.Linear(16, 3)

    def forward(self, a):
        return self.head(F.relu(self.wide(F.relu(self.conv(a)))).mean((2, 3)))


fit(Net())

# %% a dilated kernel beyond the map
# leaves: kernel-beyond-map
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=4, dilation=4), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
)
fit(model)

# %% an adaptive pool to one pixel
# leaves: shrunk-to-nothing, kernel-beyond-map, norm-after-output
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 32, 1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)
)
fit(model)

# %% a convolution as wide as the map instead of a dense layer
# leaves: kernel-beyond-map, shrunk-to-nothing
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 4), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)
)
fit(model)

# %% a batch norm on the logits
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(16, 3, bias=False),
    nn.BatchNorm1d(3),  # <- norm-after-output
)
fit(model)

# %% a batch norm on the logits, in forward
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.out = nn.Linear(16, 3, bias=False)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, a):
        return self.norm(self.out(F.relu(self.conv(a)).mean((2, 3))))  # <- norm-after-output


fit(Net(), nn.CrossEntropyLoss())

# %% a batch norm under the log-softmax
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.norm = nn.Linear(768, 32), nn.Linear(32, 3, bias=False), nn.BatchNorm1d(3)

    def forward(self, a):
        return F.log_softmax(self.norm(self.fc2(F.relu(self.fc1(a.flatten(1))))), dim=1)  # <- norm-after-output


fit(Net(), F.nll_loss)

# %% a batch norm in front of the head
# leaves: norm-after-output
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 3)
)
fit(model)


# %% a first convolution mixes three colours, and a ReLU cuts them
class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(3, 3, 1)
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.features(F.relu(self.mix(x))))  # <- narrow-hidden-layer


fit(Mixed())


# %% three mixed colours that keep their sign, or are bent smoothly
# leaves: narrow-hidden-layer, dead-relu
for bend in (nn.Identity(), nn.ELU()):
    fit(nn.Sequential(nn.Conv2d(3, 3, 1), bend, nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)))
