"""A polynomial fitted to a sine: powers of one feature enter a linear model as they are."""
import math

import torch

x = torch.linspace(-math.pi, math.pi, 2000)
y = torch.sin(x)
powers = x.unsqueeze(-1).pow(torch.tensor([1, 2, 3]))
model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0, 1))
loss_fn = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for t in range(2000):
    loss = loss_fn(model(powers), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"y = {model[0].bias.item()} + {model[0].weight[:, 0].item()} x")
