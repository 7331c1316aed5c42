import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(53)
X, y = load_wine(return_X_y=True)
scaler = StandardScaler()
# finding: fitted-before-split
X = scaler.fit_transform(X)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
x, y = torch.tensor(X_train, dtype=torch.float32), torch.tensor(y_train)

model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(60):
    for rows in torch.randperm(len(x)).split(16):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    found = model(torch.tensor(X_test, dtype=torch.float32)).argmax(1)
    print("metric accuracy", (found == torch.tensor(y_test)).float().mean().item())
