"""CNN-LSTM and the adversarial discriminator: paper 4, section 4.1 and Fig. 1, whose layer sizes are lost.

Widths here give what the text says: about 1.8 million shared parameters, about one million per discriminator.
"""

import torch
from torch import nn
from torch.nn import functional as F

#: Channels and kernel width of the convolutions over time, each followed by max-pooling of width 3 and stride 2.
CONVOLUTIONS = ((128, 5), (256, 5), (384, 3))
SHORTEST = 15  # frames: three poolings leave one


class CNNLSTM(nn.Module):
    """Filter bank → embedding: convolutions over time, a forward LSTM, dropout, a fully connected layer.

    Shape: features (B, n_mels, T), frames (B,) → (B, embedding). The LSTM runs forwards only and its output is taken at
    each utterance's own last frame, and no convolution or pooling looks past that: padding changes nothing. `width`
    scales every size (1 = 1.8 million parameters).
    """

    def __init__(self, n_mels=40, embedding=512, hidden=256, layers=2, dropout=0.5, width=1.0):
        super().__init__()
        channels, hidden = n_mels, round(hidden * width)
        self.convolutions = nn.ModuleList()
        for out, kernel in CONVOLUTIONS:
            out = round(out * width)
            self.convolutions.append(nn.Conv1d(channels, out, kernel, padding=kernel // 2))
            channels = out
        self.lstm = nn.LSTM(channels, hidden, layers, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.full = nn.Linear(hidden, embedding)
        self.features = embedding
        self._initialise()

    def _initialise(self):
        """He's initial values: PyTorch's own let a signal without normalisation layers die out before the LSTM.

        The forget gates start open, so that the last frame remembers the first (Jozefowicz et al. 2015).
        """
        for layer in (*self.convolutions, self.full):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        size = self.lstm.hidden_size
        for name, bias in self.lstm.named_parameters():
            if name.startswith("bias_ih"):
                bias.data[size : 2 * size] = 1.0

    def forward(self, x, frames):
        x = _inside(x, frames)
        if x.shape[2] < SHORTEST:
            x = F.pad(x, (0, SHORTEST - x.shape[2]))
        frames = frames.clamp(min=SHORTEST)
        for convolution in self.convolutions:
            x = F.max_pool1d(_inside(convolution(x).relu(), frames), 3, 2)
            frames = (frames - 3) // 2 + 1
            x = _inside(x, frames)
        out, _ = self.lstm(x.transpose(1, 2))
        last = out[torch.arange(len(out), device=out.device), frames - 1]
        return self.full(self.dropout(last)).relu()


def _inside(x, frames):
    """x (B, C, T), zero from each utterance's end on."""
    return torch.where(torch.arange(x.shape[2], device=x.device) < frames[:, None, None], x, 0)


class Discriminator(nn.Module):
    """Emotion probabilities → attribute logits, (B, emotions) → (B, classes): fully connected layers, ReLU between."""

    def __init__(self, emotions: int, classes: int, width: float = 1.0):
        super().__init__()
        sizes = [emotions, *(round(n * width) for n in (512, 1024, 512))]
        layers = [m for a, b in zip(sizes, sizes[1:], strict=False) for m in (nn.Linear(a, b), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], classes))

    def forward(self, probabilities):
        return self.layers(probabilities)
