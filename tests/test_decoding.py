"""What hides behind a file's name is decoded by its content, and what cannot be says why."""

import numpy as np
import pytest
import soundfile

from sernb import audio, decoding
from sernb.corpora import table


def tone(rate=16_000, seconds=0.5, channels=1):
    x = 0.3 * np.sin(2 * np.pi * 220 * np.arange(round(rate * seconds)) / rate)
    return np.repeat(x[:, None], channels, 1)


def film(file, sound=True, rate=44_100, channels=2, container=None):
    """A film of ten grey pictures with half a second of a tone, as MELD's clips are: H.264 or MPEG-4 with AAC."""
    av = pytest.importorskip("av")
    with av.open(str(file), "w", format=container) as out:
        video = out.add_stream("mpeg4", rate=20)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        if sound:
            track = out.add_stream("aac", rate=rate, layout="stereo" if channels == 2 else "mono")
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 128, np.uint8), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound:
            x = np.ascontiguousarray(tone(rate, channels=channels).T.astype(np.float32))
            frame = av.AudioFrame.from_ndarray(x, format="fltp", layout=track.layout.name)
            frame.sample_rate = rate
            fifo = av.AudioFifo()
            fifo.write(frame)
            while part := fifo.read(1024, partial=True):
                part.pts = None
                out.mux(track.encode(part))
            out.mux(track.encode(None))
    return file


def sphere(file, coding="pcm", channels=2, rate=22_050, seconds=2.0):
    """A SPHERE file as the LDC publishes them: a header of 1024 bytes in text, then samples."""
    x = np.round(tone(rate, seconds, channels) * 32767).astype("<i2")
    header = (
        f"NIST_1A\n   1024\nsample_count -i {len(x)}\nchannel_count -i {channels}\nsample_rate -i {rate}\n"
        f"sample_n_bytes -i 2\nsample_sig_bits -i 16\nsample_byte_format -s2 01\nsample_coding -s{len(coding)} {coding}\n"
        "end_head\n"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(header.encode().ljust(1024) + x.tobytes())
    return file


@pytest.mark.parametrize(("form", "subtype"), [("AIFF", "PCM_16"), ("FLAC", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"),
                                               ("W64", "PCM_16"), ("CAF", "PCM_16"), ("OGG", "VORBIS"), ("AU", "PCM_16")])  # fmt: skip
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (24_414, 1), (44_100, 2), (96_000, 2)])
def test_any_form_rate_and_channels_behind_wav(tmp_path, form, subtype, rate, channels):
    if form == "OGG" and rate == 96_000:
        pytest.skip("libsndfile's Vorbis encoder refuses this rate at low bit rates")
    soundfile.write(tmp_path / "x.wav", tone(rate, channels=channels), rate, subtype, format=form)
    seconds, reason = table.inspect(str(tmp_path / "x.wav"))
    assert reason is None and seconds == pytest.approx(0.5, abs=1e-3)
    x = audio.decode(str(tmp_path / "x.wav"))
    assert len(x) == pytest.approx(8000, abs=2) and np.abs(x).max() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("name", ["x.mp4", "x.wav", "x.mkv"])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1)])
def test_the_sound_track_of_a_film(tmp_path, name, rate, channels):
    container = "matroska" if name.endswith("mkv") else "mp4"
    file = str(film(tmp_path / name, rate=rate, channels=channels, container=container))
    seconds, reason = table.inspect(file)
    assert reason is None and seconds == pytest.approx(0.5, abs=0.05)
    with decoding.sound(file) as f:
        assert (f.samplerate, f.channels) == (rate, channels)
    x = audio.decode(file, 0.1, 0.4)
    assert len(x) == 4800
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    assert np.argmax(spectrum) * 16_000 / len(x) == pytest.approx(220, abs=4)


def test_a_film_that_is_cut_off_or_mute_says_so(tmp_path):
    mute = film(tmp_path / "mute.mp4", sound=False)
    assert table.inspect(str(mute))[1] == "cannot be decoded (a film without a sound track)"
    whole = film(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    assert table.inspect(str(tmp_path / "half.mp4"))[1].startswith("cannot be decoded (PyAV: ")
    with pytest.raises(decoding.Undecodable, match="PyAV"):
        audio.decode(str(tmp_path / "half.mp4"))


def test_sphere_is_read_and_compressed_sphere_says_what_to_do(tmp_path):
    file = str(sphere(tmp_path / "cc_001.sph"))
    assert table.inspect(file) == (2.0, None)
    assert len(audio.decode(file, 0.5, 1.25)) == 12_000
    with decoding.sound(file) as f:
        np.testing.assert_allclose(f.read(), tone(22_050, 2.0, 2), atol=2 / 32768)
    for coding in ("pcm,embedded-shorten-v2.00", "ulaw,embedded-shorten-v1.09"):
        packed = str(sphere(tmp_path / "packed.sph", coding))
        seconds, reason = table.inspect(packed)
        assert reason.startswith(f"cannot be decoded (SPHERE compressed as {coding}: unpack it by `sph2pipe")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>not found</html>", "cannot be decoded"),
        (b"RIFF", "cannot be decoded"),
        (b"NIST_1A\n   1024\n", "cannot be decoded"),
        (b"", "empty"),
    ],
)
def test_what_is_no_audio_is_named_by_what_it_is(tmp_path, content, reason):
    (tmp_path / "x.wav").write_bytes(content)
    assert reason in table.inspect(str(tmp_path / "x.wav"))[1]
