"""Published CNN14 checkpoints (PANNs, 16 and 32 kHz), read from a local file without running anything in it."""

import re

import numpy as np
import torch

from .checkpoints import AGAIN, Refused, fitting, unpack
from .cnn14 import CNN14, FRONT_ENDS, TAGS, mel_filters

#: What a training checkpoint may hold besides tensors: a sampler's index arrays. Making an array runs nothing.
_ARRAYS = [np._core.multiarray._reconstruct, np.ndarray, np.dtype, type(np.dtype("int64"))]
_MEL = "logmel_extractor.melW"
_ADVICE = f"A checkpoint is a file such as Cnn14_16k_mAP=0.438.pth. {AGAIN}"


def read(path, rate: int) -> dict[str, torch.Tensor]:
    """The weights of a published checkpoint under our names, for CNN14(tags=527).

    Published kernels are (…, time, frequency), as the published network reads (B, 1, T, 64); they are turned over, since
    ours reads (B, 1, 64, T). Every tensor's name and shape is compared with the published model's, and the mel matrix
    with ours. Raises Refused, naming what is wrong, for a file that cannot be read, would run code, or differs;
    FileNotFoundError for none.
    """
    whole = unpack(path, _ARRAYS, _ADVICE)
    found = whole.get("model") if isinstance(whole, dict) else None
    if not isinstance(found, dict):
        kind = type(whole).__name__
        raise Refused(
            f"{path}: expected a dictionary with the weights under 'model', found {kind}. {_ADVICE}"
        )
    found = fitting(path, found, expected(rate), "CNN14", _ADVICE)
    ours = mel_filters(64, FRONT_ENDS[rate][0], rate, *FRONT_ENDS[rate][2:])
    if not torch.allclose(found[_MEL], ours, atol=1e-5):
        off = float((found[_MEL] - ours).abs().max())
        raise Refused(
            f"{path}: its mel matrix differs from ours by up to {off:.3g}; expected the {rate} Hz front end. {_ADVICE}"
        )
    found = {name: found[_published(name)] for name in _weights()}
    return {name: value.mT.contiguous() if value.ndim == 4 else value for name, value in found.items()}


def load(path, model: CNN14, rate: int) -> CNN14:
    """`model`, of full width, with a published checkpoint's weights; those of the tags only if it has them."""
    state = read(path, rate)
    if model.tags is None:
        state = {name: value for name, value in state.items() if not name.startswith("tags.")}
    if model.full.weight.shape != state["full.weight"].shape:
        raise ValueError(
            f"published weights need width 1, embeddings of {len(state['full.weight'])}; found {model.features}."
        )
    model.load_state_dict(state)
    return model


def _weights():
    """The weights that are wanted, by our names, without their numbers."""
    with torch.device("meta"):
        return CNN14(tags=TAGS).state_dict()


def expected(rate: int) -> dict[str, tuple[tuple, torch.dtype]]:
    """Names of a published checkpoint's weights, their shapes and types."""
    window = FRONT_ENDS[rate][0]
    bins = window // 2 + 1
    front_end = {
        f"spectrogram_extractor.stft.{part}.weight": (bins, 1, window) for part in ("conv_real", "conv_imag")
    }
    front_end[_MEL] = (bins, 64)
    own = {_published(name): (tuple(v.shape), v.dtype) for name, v in _weights().items()}
    return own | {name: (shape, torch.float32) for name, shape in front_end.items()}


def _published(name):
    """Our name of a weight → the checkpoint's."""
    name = re.sub(r"^norm\.", "bn0.", name)
    name = re.sub(r"^full\.", "fc1.", name)
    name = re.sub(r"^tags\.", "fc_audioset.", name)
    block = re.fullmatch(r"blocks\.(\d)\.(\d)\.(convolution|norm)\.(.+)", name)
    if block is None:
        return name
    layer = "conv" if block[3] == "convolution" else "bn"
    return f"conv_block{int(block[1]) + 1}.{layer}{int(block[2]) + 1}.{block[4]}"
