"""Checkpoints of torch from elsewhere, unpacked without running anything in them."""

import re
import zipfile
from pathlib import Path

import torch


class Refused(ValueError):
    """A file is not the checkpoint that was asked for; the message names it, what is wrong, and what to do."""


AGAIN = "Fetch it again from its publishers."


def unpack(path, allowed=(), advice: str = AGAIN):
    """What a checkpoint holds, on the CPU: tensors, plain values, and objects of the classes `allowed`.

    The newer format is a zip archive, whose checksums tell of every byte that changed; the older one has none. Raises
    FileNotFoundError where there is no such file, Refused where it is damaged, cut off, no checkpoint, claims more
    than it holds, or holds objects of other classes. `advice` ends each message.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {found}, expected a checkpoint. {advice}")
    try:
        whole(path)
        with torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes from elsewhere can fail in any way; each is the file's fault
        raise Refused(
            f"{path}: not a checkpoint, damaged, cut off, or holding objects that are not allowed ({reason(error)}); "
            f"nothing in it was run. {advice}"
        ) from error


def reason(error: Exception) -> str:
    """An error in one line, without torch's proposal to trust the file and run what is in it."""
    text, kind = str(error), type(error).__name__
    if asked := re.search(r"GLOBAL (\S+)", text):
        return f"{kind}: it asks for {asked[1]}"
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not re.search("weights_only|Weights only load failed", line)]
    return f"{kind}: {' '.join(kept[:2])[:300]}".rstrip(": ")


def whole(path) -> None:
    """Raises where a zip archive is damaged or would unpack to more than its own size; torch looks for neither."""
    with open(path, "rb") as file:
        if file.read(4) != b"PK\3\4":
            return
    with zipfile.ZipFile(path) as archive:
        claimed, size = sum(member.file_size for member in archive.infolist()), path.stat().st_size
        if claimed > size:
            raise zipfile.BadZipFile(f"it claims {claimed} bytes of content in {size}")
        if (damaged := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"{damaged} does not agree with its checksum")


def fitting(path, found: dict, expected: dict, what: str, advice: str = AGAIN) -> dict[str, torch.Tensor]:
    """The weights `found`, where names, shapes and kinds are those `expected`, {name: (shape, dtype)}, and all finite.

    Numbers of another precision are converted. Raises Refused naming the weight that is missing, strange or different.
    """
    missing, strange = (
        [name for name in expected if name not in found],
        [name for name in found if name not in expected],
    )
    if missing or strange:
        said = [f"{len(names)} ({_short(names[:2])})" if names else "none" for names in (missing, strange)]
        raise Refused(
            f"{path}: is not {what}: of its weights {said[0]} are missing, of others it has {said[1]}. {advice}"
        )
    for name, (shape, like) in expected.items():
        value = found[name]
        if not isinstance(value, torch.Tensor):
            raise Refused(
                f"{path}: weight {name} is {type(value).__name__}, expected a tensor of shape {shape}. {advice}"
            )
        plain = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
        kind = value.is_floating_point() == like.is_floating_point and not value.is_complex()
        if tuple(value.shape) != shape or not plain or not kind:
            raise Refused(
                f"{path}: weight {name} is {value.dtype} of shape {tuple(value.shape)} ({value.layout}, {value.device}), "
                f"expected {like} or its like of shape {shape}. {advice}"
            )
        if not torch.isfinite(value).all():
            raise Refused(f"{path}: weight {name} holds numbers that are not finite. {advice}")
    return {name: found[name].to(like).contiguous() for name, (_, like) in expected.items()}


def _short(value) -> str:
    text = repr(value)
    return text if len(text) < 200 else text[:200] + " …"
