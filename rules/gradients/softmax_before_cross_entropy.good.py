import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
centers = torch.randn(10, 20)
labels = torch.randint(10, (1200,))
points = centers[labels] + 1.2 * torch.randn(1200, 20)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(20, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.hidden(x))
        return self.head(x)


model = Classifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)

for epoch in range(5):
    for rows in torch.randperm(1000).split(32):
        optimizer.zero_grad()
        loss = criterion(model(points[rows]), labels[rows])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    accuracy = (model(points[1000:]).argmax(1) == labels[1000:]).float().mean()
print(f"metric accuracy {accuracy:.4f}")
