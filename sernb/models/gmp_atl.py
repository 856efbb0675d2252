"""Paper 2's blocks: the recurrent recogniser over a self-supervised encoder, and the prediction of masked frames."""

import torch
from torch import nn
from torch.nn import functional as F


class Projection(nn.Sequential):
    """Linear, ReLU, Linear: (…, wide) → (…, out), the width between them `wide` too (the paper is silent)."""

    def __init__(self, wide: int, out: int):
        super().__init__(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, out))


class RecurrentRecogniser(nn.Module):
    """Encoder, BiLSTM, mean over an utterance's own frames, projection: the network of stages 1 and 3 (Fig. 1 a, c).

    Shape: front-end features (B, channels, T), frames (B,) → (B, embedding). In training a share `masked` of the frames
    is masked in spans of ten, as transformers' encoders do by themselves when they are fine-tuned (at least two spans an
    utterance there, however short it is; here none is forced).
    """

    def __init__(self, encoder: nn.Module, hidden: int = 256, embedding: int = 256, masked: float = 0.05):
        super().__init__()
        self.encoder, self.masked = encoder, masked
        self.lstm = nn.LSTM(encoder.width, hidden, batch_first=True, bidirectional=True)
        self.projection = Projection(2 * hidden, embedding)

    def forward(self, x, frames):
        mask = None
        if self.training and self.masked:
            mask = spans(frames, x.shape[2], self.masked / 10, 10, least=0)
        x = self.encoder.transform(x, frames, mask)
        packed = nn.utils.rnn.pack_padded_sequence(x, frames.cpu(), batch_first=True, enforce_sorted=False)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        inside = torch.arange(x.shape[1], device=x.device) < frames[:, None]
        return self.projection((x * inside[..., None]).sum(1) / frames[:, None])


class MaskedPrediction(nn.Module):
    """Encoder and one (Linear, ReLU, Linear) head a stream of labels: L = Σ_streams CE on the masked frames (Fig. 1 b).

    `streams` gives the number of classes of each stream of labels. Pre-training on clusters of MFCCs and stage 2 are
    the same loss with other labels. HuBERT's own is α L_masked + (1 − α) L_unmasked; `unmasked` is 1 − α, 0 for base.
    """

    def __init__(
        self, encoder: nn.Module, streams, start: float = 0.08, length: int = 10, unmasked: float = 0.0
    ):
        super().__init__()
        self.encoder, self.start, self.length, self.unmasked = encoder, start, length, unmasked
        self.heads = nn.ModuleList(Projection(encoder.width, classes) for classes in streams)

    def mask(self, frames, width: int, generator=None):
        return spans(frames, width, self.start, self.length, generator)

    def losses(self, x, frames, labels, mask) -> torch.Tensor:
        """Cross-entropy of every stream over the masked frames: (streams,), in nats.

        x front-end features (B, channels, T); labels (B, T, streams) int64; mask (B, T). With `unmasked`, the other
        frames of the utterances have that share of the loss.
        """
        hidden = self.encoder.transform(x, frames, mask)
        found = self._over(hidden, labels, mask)
        if not self.unmasked:
            return found
        inside = torch.arange(mask.shape[1], device=mask.device) < frames[:, None]
        return (1 - self.unmasked) * found + self.unmasked * self._over(hidden, labels, inside & ~mask)

    def _over(self, hidden, labels, chosen):
        hidden, wanted = hidden[chosen], labels[chosen]  # (frames, width), (frames, streams)
        of = [F.cross_entropy(head(hidden).float(), wanted[:, i]) for i, head in enumerate(self.heads)]
        return torch.stack(of)


def spans(frames, width: int, start: float = 0.08, length: int = 10, generator=None, least: int = 2):
    """HuBERT's masks: (B, width) bool, True in spans of `length` frames that may overlap.

    An utterance of T frames has start · T spans (rounded up or down at random, at least `least`, but never more than
    there are places), at places drawn without replacement from 0 … T − length; one shorter than a span is masked
    whole where `least` asks for any. With 8 % starts and spans of ten, 1 − 0.92¹⁰ = 57 % of the frames are masked.
    """
    lengths = frames.cpu()
    places = (lengths - length + 1).clamp(min=1)  # (B,)
    draw = torch.rand(len(lengths), generator=generator)
    number = (start * lengths + draw).floor().long().clamp(min=least).minimum(places)
    keys = torch.rand(len(lengths), width, generator=generator)
    keys[torch.arange(width) >= places[:, None]] = 2.0  # no place for a start
    rank = keys.argsort(1).argsort(1)
    starts = (rank < number[:, None]).float()
    # A frame is masked where one of the last `length` frames starts a span.
    mask = F.max_pool1d(F.pad(starts, (length - 1, 0))[:, None], length, 1)[:, 0] > 0
    return (mask & (torch.arange(width) < lengths[:, None])).to(frames.device)
