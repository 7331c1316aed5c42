"""A student learns from a teacher's soft labels and from the true ones."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
teacher = nn.Sequential(nn.Linear(20, 128), nn.ReLU(), nn.Linear(128, 6)).eval()
student = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 6))
optimizer = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9, nesterov=True)
x, y = torch.randn(640, 20), torch.randint(6, (640,))
T = 4.0
for epoch in range(30):
    for rows in torch.randperm(640).split(32):
        with torch.no_grad():
            soft = teacher(x[rows])
        out = student(x[rows])
        kd = F.kl_div(F.log_softmax(out / T, dim=1), F.softmax(soft / T, dim=1), reduction="batchmean") * T * T
        loss = 0.7 * kd + 0.3 * F.cross_entropy(out, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
