"""Deep Q-learning on made-up transitions, with a target network."""
import copy
import random

import torch
from torch import nn

torch.manual_seed(0)
random.seed(0)


class QNet(nn.Module):
    def __init__(self, states=4, actions=2):
        super().__init__()
        self.layer1 = nn.Linear(states, 128)
        self.layer2 = nn.Linear(128, 128)
        self.layer3 = nn.Linear(128, actions)

    def forward(self, x):
        x = torch.relu(self.layer1(x))
        x = torch.relu(self.layer2(x))
        return self.layer3(x)


policy = QNet()
target = copy.deepcopy(policy)
memory = [(torch.randn(4), random.randrange(2), 1.0, torch.randn(4)) for _ in range(1000)]
criterion = nn.SmoothL1Loss()
optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-4, amsgrad=True)
for step in range(2000):
    batch = random.sample(memory, 64)
    state = torch.stack([b[0] for b in batch])
    action = torch.tensor([[b[1]] for b in batch])
    reward = torch.tensor([b[2] for b in batch])
    after = torch.stack([b[3] for b in batch])
    q = policy(state).gather(1, action)
    with torch.no_grad():
        expected = reward + 0.99 * target(after).max(1).values
    loss = criterion(q, expected.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy.parameters(), 100)
    optimizer.step()
    if step % 100 == 0:
        target.load_state_dict(policy.state_dict())
