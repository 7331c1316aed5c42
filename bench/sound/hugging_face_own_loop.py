# A causal language model of Hugging Face in a training loop of one's own, with warm-up and clipping.
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel, get_linear_schedule_with_warmup

torch.manual_seed(0)
starts = torch.randint(0, 64, (512, 1))
steps = torch.randint(1, 5, (512, 1))
sequences = (starts + steps * torch.arange(16)) % 64
loader = DataLoader(TensorDataset(sequences), batch_size=32, shuffle=True)

model = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=16, n_embd=64, n_layer=2, n_head=4))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
epochs = 3
scheduler = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=5, num_training_steps=epochs * len(loader))

model.train()
for epoch in range(epochs):
    total = 0.0
    for (ids,) in loader:
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")
