"""Published CNN14 checkpoints (PANNs, 16 and 32 kHz), read from a local file without running anything in it."""

import re
from pathlib import Path

import numpy as np
import torch

from .cnn14 import CNN14, FRONT_ENDS, TAGS, mel_filters

#: What a training checkpoint may hold besides tensors: a sampler's index arrays. Making an array runs nothing.
_ARRAYS = [np._core.multiarray._reconstruct, np.ndarray, np.dtype, type(np.dtype("int64"))]
_MEL = "logmel_extractor.melW"


class Refused(ValueError):
    """A file is not the published checkpoint that was asked for."""


def read(path, rate: int) -> dict[str, torch.Tensor]:
    """The weights of a published checkpoint under our names, for CNN14(tags=527).

    Published kernels are (…, time, frequency), as the published network reads (B, 1, T, 64); ours are turned over, since
    ours reads (B, 1, 64, T). Every tensor's name and shape is compared with the published model's, and the mel matrix with ours. Raises Refused,
    naming what is wrong, for a file that cannot be read, would run code, or differs; FileNotFoundError for none.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; expected a checkpoint such as Cnn14_16k_mAP=0.438.pth."
        )
    try:
        with torch.serialization.safe_globals(_ARRAYS):
            whole = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or malicious file provokes; nothing in it has run
        raise Refused(
            f"{path.name}: cannot be read as weights only ({type(error).__name__}: {str(error).partition(chr(10))[0][:200]}). It "
            "is damaged, cut off, or holds more than tensors; nothing in it was run. Fetch it again from its publishers."
        ) from error
    found = whole.get("model") if isinstance(whole, dict) else None
    if not isinstance(found, dict):
        raise Refused(
            f"{path.name}: expected a dictionary with the weights under 'model', found {_kind(whole)}."
        )
    _compare(path.name, found, expected(rate))
    ours = mel_filters(64, FRONT_ENDS[rate][0], rate, *FRONT_ENDS[rate][2:])
    if not torch.allclose(found[_MEL], ours, atol=1e-5):
        off = float((found[_MEL] - ours).abs().max())
        raise Refused(
            f"{path.name}: its mel matrix differs from ours by up to {off:.3g}; expected the {rate} Hz front end."
        )
    return {
        _own(name): value.mT.contiguous() if value.ndim == 4 else value
        for name, value in found.items()
        if not name.endswith(_FRONT_END)
    }


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


_FRONT_END = ("conv_real.weight", "conv_imag.weight", "melW")


def expected(rate: int) -> dict[str, tuple]:
    """Names and shapes of a published checkpoint."""
    with torch.device("meta"):
        shapes = {_published(name): tuple(v.shape) for name, v in CNN14(tags=TAGS).state_dict().items()}
    window = FRONT_ENDS[rate][0]
    bins = window // 2 + 1
    stft = {
        f"spectrogram_extractor.stft.{part}.weight": (bins, 1, window) for part in ("conv_real", "conv_imag")
    }
    return shapes | stft | {_MEL: (bins, 64)}


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


def _own(name):
    """The checkpoint's name of a weight → ours."""
    name = re.sub(r"^bn0\.", "norm.", name)
    name = re.sub(r"^fc1\.", "full.", name)
    name = re.sub(r"^fc_audioset\.", "tags.", name)
    block = re.fullmatch(r"conv_block(\d)\.(conv|bn)(\d)\.(.+)", name)
    if block is None:
        return name
    layer = "convolution" if block[2] == "conv" else "norm"
    return f"blocks.{int(block[1]) - 1}.{int(block[3]) - 1}.{layer}.{block[4]}"


def _compare(file, found, wanted):
    missing, strange = sorted(set(wanted) - set(found)), sorted(map(str, set(found) - set(wanted)))
    if missing or strange:
        raise Refused(
            f"{file}: is not CNN14: lacks {missing[:3] or 'nothing'}, has {strange[:3] or 'nothing'} besides."
        )
    for name, shape in wanted.items():
        if not isinstance(found[name], torch.Tensor) or tuple(found[name].shape) != shape:
            raise Refused(f"{file}: {name} is {_kind(found[name])}, expected a tensor of shape {shape}.")
        if found[name].is_floating_point() and not torch.isfinite(found[name]).all():
            raise Refused(f"{file}: {name} holds numbers that are not finite.")


def _kind(value):
    return (
        f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
    )
