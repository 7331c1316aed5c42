# A text classifier trained by the Trainer of Hugging Face, small and from scratch: nothing is downloaded.
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments


class Reviews(Dataset):
    def __init__(self, count, seed):
        generator = torch.Generator().manual_seed(seed)
        self.ids = torch.randint(10, 200, (count, 24), generator=generator)
        self.labels = (self.ids[:, :12].sum(1) > self.ids[:, 12:].sum(1)).long()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        ids = self.ids[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": self.labels[index]}


if __name__ == "__main__":
    config = BertConfig(
        vocab_size=200, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, num_labels=2
    )
    model = BertForSequenceClassification(config)
    arguments = TrainingArguments(
        output_dir="out", learning_rate=5e-5, per_device_train_batch_size=16, per_device_eval_batch_size=32,
        num_train_epochs=3, weight_decay=0.01, save_strategy="no", report_to=[], use_cpu=True,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=Reviews(512, 0), eval_dataset=Reviews(128, 1))
    trainer.train()
    print(trainer.evaluate())
