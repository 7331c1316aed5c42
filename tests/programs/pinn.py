"""Physics-informed network for u'' = -u, with derivatives by the input."""
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
t = torch.linspace(0, 3.14, 200).view(-1, 1)
for step in range(3000):
    tt = t.clone().requires_grad_(True)
    u = net(tt)
    du = torch.autograd.grad(u, tt, torch.ones_like(u), create_graph=True)[0]
    d2u = torch.autograd.grad(du, tt, torch.ones_like(du), create_graph=True)[0]
    physics = ((d2u + u) ** 2).mean()
    start = (u[0] - 0.0) ** 2 + (du[0] - 1.0) ** 2
    loss = physics + start.mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
