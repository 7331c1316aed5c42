# An autoencoder as a quick start of Lightning writes it, on data that is at hand.
import lightning as L
import torch
from torch import nn, utils

encoder = nn.Sequential(nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 3))
decoder = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 28 * 28))


class LitAutoEncoder(L.LightningModule):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def training_step(self, batch, batch_idx):
        x, _ = batch
        x = x.view(x.size(0), -1)
        z = self.encoder(x)
        x_hat = self.decoder(z)
        loss = nn.functional.mse_loss(x_hat, x)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


if __name__ == "__main__":
    pictures = torch.rand(256, 1, 28, 28)
    dataset = utils.data.TensorDataset(pictures, torch.arange(256) % 10)
    train_loader = utils.data.DataLoader(dataset, batch_size=16, shuffle=True)
    autoencoder = LitAutoEncoder(encoder, decoder)
    trainer = L.Trainer(limit_train_batches=100, max_epochs=1, logger=False, enable_checkpointing=False)
    trainer.fit(model=autoencoder, train_dataloaders=train_loader)
