"""Checkpoints as their publishers lay them out, with random numbers: what the tests of loading share."""

import argparse
import os

import librosa
import numpy as np
import torch

from sernb.models import cnn14_weights


def cnn14(rate=16_000, **changes):
    """A file's content as its publishers lay it out."""
    generator = torch.Generator().manual_seed(0)
    model = {
        name: torch.randn(shape, generator=generator) if shape else torch.tensor(7)
        for name, (shape, _) in cnn14_weights.expected(rate).items()
    }
    window, low, high = (512, 50, 8000) if rate == 16_000 else (1024, 50, 14_000)
    mel = librosa.filters.mel(sr=rate, n_fft=window, n_mels=64, fmin=low, fmax=high)
    model["logmel_extractor.melW"] = torch.from_numpy(mel.T.copy())
    sampler = {"indexes": np.arange(5), "pointer": 3}
    return {"iteration": 600_000, "model": {**model, **changes}, "sampler": sampler}


#: fairseq's settings as its examples/wav2vec trains vq-wav2vec; only some of them matter here.
ARGS = {
    "arch": "wav2vec", "activation": "relu", "agg_zero_pad": False, "aggregator": "cnn", "balanced_classes": False,
    "conv_aggregator_layers": str([(512, k, 1) for k in range(2, 14)]),
    "conv_feature_layers": "[(512, 10, 5), (512, 8, 4), (512, 4, 2), (512, 4, 2), (512, 4, 2), (512, 1, 1), (512, 1, 1), (512, 1, 1)]",
    "combine_groups": False, "log_compression": True, "non_affine_group_norm": False, "offset": "auto",
    "prediction_steps": 12, "residual_scale": 0.5, "skip_connections_agg": True, "skip_connections_feat": False,
    "vq_depth": 2, "vq_dim": 0, "vq_gamma": 0.25, "vq_groups": 2, "vq_temp": "(2,0.5,0.999995)", "vq_type": "gumbel",
    "vq_vars": 320,
}  # fmt: skip
#: The published names and shapes.
EXTRACTOR = {}
for i, (kernel, channels) in enumerate([(10, 1), (8, 512), (4, 512), (4, 512), (4, 512), *[(1, 512)] * 3]):
    EXTRACTOR[f"feature_extractor.conv_layers.{i}.0.weight"] = (512, channels, kernel)
    EXTRACTOR |= {f"feature_extractor.conv_layers.{i}.2.{part}": (512,) for part in ("weight", "bias")}
QUANTISERS = {
    "gumbel": {
        "vector_quantizer.vars": (1, 640, 256),
        "vector_quantizer.weight_proj.0.0.weight": (1024, 512), "vector_quantizer.weight_proj.0.0.bias": (1024,),
        "vector_quantizer.weight_proj.1.weight": (640, 1024), "vector_quantizer.weight_proj.1.bias": (640,),
    },
    "kmeans": {
        "vector_quantizer.embedding": (320, 2, 256), "vector_quantizer.projection.0.weight": (512, 256, 1),
        "vector_quantizer.projection.1.weight": (512,), "vector_quantizer.projection.1.bias": (512,),
    },
}  # fmt: skip
UNREAD = {"wav2vec_predictions.project_to_steps.weight": (512, 512, 1, 12)}
UNREAD["wav2vec_predictions.project_to_steps.bias"] = (512,)
for i in range(12):
    UNREAD[f"feature_aggregator.conv_layers.{i}.1.weight"] = (512, 512, i + 2)
    UNREAD |= {
        f"feature_aggregator.conv_layers.{i}.{part}": (512,) for part in ("1.bias", "3.weight", "3.bias")
    }


def vq_weights(quantiser, generator=None):
    """Random weights; without a generator each full of one number of its own, so that the file is small."""
    shapes = EXTRACTOR | QUANTISERS[quantiser]
    found = {
        name: torch.tensor(i / 64).expand(shape)
        for i, (name, shape) in enumerate((shapes | UNREAD).items(), 1)
    }
    if generator is not None:
        for name, shape in shapes.items():
            fan = torch.Size(shape[1:]).numel() if len(shape) > 1 else 1
            found[name] = torch.randn(shape, generator=generator) / fan**0.5 + (name.endswith("2.weight"))
    return found


def save_vq(path, quantiser="gumbel", state=None, as_zip=True, **changed):
    args = argparse.Namespace(**(ARGS | {"vq_type": quantiser} | changed))
    content = {
        "args": args,
        "model": vq_weights(quantiser) if state is None else state,
        "optimizer_history": [],
    }
    torch.save(content, path, _use_new_zipfile_serialization=as_zip)
    return path


class Malicious:
    """What calls a function where it is unpickled."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def traps(file):
    """Objects that make `file` when they are unpickled, in different ways."""
    code = f"open({str(file)!r}, 'w').close()"
    return [
        Malicious(os.mkdir, str(file)),
        Malicious(os.system, f"touch '{file}'"),
        Malicious(exec, code),
        Malicious(eval, code),
    ]
