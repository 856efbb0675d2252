"""One place that opens audio, whatever hides behind a file's name: by content, never by extension.

libsndfile reads WAV, FLAC, AIFF, MP3 and SPHERE; a film's sound track goes through PyAV.
"""

import io
import os

import numpy as np
import soundfile

LFS_POINTER = b"version https://git-lfs"
SPHERE = b"NIST_1A"


class Undecodable(ValueError):
    """A file that is no audio this workbook can decode; its message says what it is and what to do."""


def sound(file: str) -> soundfile.SoundFile:
    """An open sound file: use it as a context manager, with `samplerate`, `frames`, `seek`, `read` and `blocks`.

    Raises Undecodable for what is known to be no readable audio, soundfile.LibsndfileError for all else.
    """
    with open(file, "rb") as f:
        head = f.read(1024)
    if head.startswith(LFS_POINTER):
        raise Undecodable("a Git LFS pointer in place of the audio: run `git lfs pull` in the download")
    if head.startswith(SPHERE) and (coding := _packed(head)):
        raise Undecodable(f"SPHERE compressed as {coding}: unpack it by `sph2pipe -f wav`, keeping its name")
    return soundfile.SoundFile(_film(file) if _is_film(head) else os.fspath(file))


def _packed(head: bytes) -> str | None:
    """The coding that a SPHERE header names, where it is a compressed one.

    libsndfile would take it for plain samples and give noise.
    """
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(" ")
        if name == "sample_coding" and "embedded" in value:
            return value.split()[-1]
    return None


def _is_film(head: bytes) -> bool:
    mp4 = head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide")
    return mp4 or head.startswith((b"\x1a\x45\xdf\xa3", b"FLV\x01")) or head[8:12] == b"AVI "


def _film(file: str) -> io.BytesIO:
    """The first sound track of a film as a WAV file in memory."""
    import av  # only films need it, and its libraries are large

    try:
        with av.open(os.fspath(file)) as container:
            if not container.streams.audio:
                raise Undecodable("a film without a sound track")
            resampler = av.AudioResampler(format="fltp")
            frames = [*container.decode(container.streams.audio[0]), None]  # None empties the resampler
            parts = [part for frame in frames if frames[0] for part in resampler.resample(frame)]
    except av.FFmpegError as error:
        raise Undecodable(f"PyAV: {error.strerror}") from error
    samples = np.concatenate([part.to_ndarray() for part in parts], axis=1).T if parts else np.zeros((0, 1))
    memory = io.BytesIO()
    soundfile.write(memory, samples, parts[0].sample_rate if parts else 16_000, "FLOAT", format="WAV")
    memory.seek(0)
    return memory
