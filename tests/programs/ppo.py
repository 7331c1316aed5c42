"""An actor and a critic with orthogonal weights and small heads."""
import torch
from torch import nn
from torch.distributions import Categorical


def layer_init(layer, std=2**0.5, bias=0.0):
    nn.init.orthogonal_(layer.weight, std)
    nn.init.constant_(layer.bias, bias)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(
            layer_init(nn.Linear(8, 64)), nn.Tanh(), layer_init(nn.Linear(64, 64)), nn.Tanh(), layer_init(nn.Linear(64, 1), std=1.0)
        )
        self.actor = nn.Sequential(
            layer_init(nn.Linear(8, 64)), nn.Tanh(), layer_init(nn.Linear(64, 64)), nn.Tanh(), layer_init(nn.Linear(64, 3), std=0.01)
        )

    def forward(self, x, action):
        dist = Categorical(logits=self.actor(x))
        return dist.log_prob(action), dist.entropy(), self.critic(x)


torch.manual_seed(0)
obs, actions = torch.randn(1024, 8), torch.randint(3, (1024,))
returns, advantages, old = torch.randn(1024), torch.randn(1024), torch.full((1024,), -1.1)
agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=2.5e-4, eps=1e-5)
for update in range(50):
    for rows in torch.randperm(1024).split(64):
        logprob, entropy, value = agent(obs[rows], actions[rows])
        ratio = (logprob - old[rows]).exp()
        pg = torch.max(-advantages[rows] * ratio, -advantages[rows] * ratio.clamp(0.8, 1.2)).mean()
        loss = pg - 0.01 * entropy.mean() + 0.5 * ((value.view(-1) - returns[rows]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
        optimizer.step()
