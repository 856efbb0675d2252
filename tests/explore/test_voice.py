"""One's own voice without a browser: bytes in, emotion, probabilities and score out; what cannot be heard is named."""

import io
import types

import numpy as np
import pandas as pd
import pytest
import soundfile

from sernb import explore
from sernb.explore.voice import Voice


def recording(seconds, rate=48_000, format="WAV"):
    file = io.BytesIO()
    soundfile.write(
        file, 0.3 * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 220 / rate), rate, format=format
    )
    return file.getvalue()


class Pitch:
    """A model that hears anger where a wave is longer than three seconds."""

    classes = ["anger", "neutral"]

    def __call__(self, waves):
        p = np.array([0.9 if len(x) > 48_000 else 0.2 for x in waves])
        emotion = np.where(p > 0.5, *self.classes)
        return pd.DataFrame({"emotion": emotion, "score": -p, "p_anger": p, "p_neutral": 1 - p})


@pytest.fixture
def found():
    return Voice(Pitch(), np.array([-0.95, -0.5, -0.1, 0.0]), "some_study (stand-in)")


def test_a_recording_is_heard_judged_and_compared_with_the_usual(found):
    found.hear(recording(2.0), "me <b>")
    assert "<b>neutral</b> (80 %)" in found.heading.value and "me &lt;b&gt;" in found.heading.value
    assert "score -0.20: further out than 50 %" in found.heading.value
    assert found.judged[["start", "end"]].to_numpy().tolist() == [[0, 2]] and "<audio" in found.player.value
    for picture in (found.picture, found.scores):
        assert bytes(picture.value).startswith(b"\x89PNG") and picture.layout.visibility == "visible"


def test_a_long_one_is_judged_in_windows(found):
    found.hear(recording(17.0, 16_000, "FLAC"), "long")
    assert len(found.judged) == 3 and "<b>anger</b> (90 %, mean of 3 windows)" in found.heading.value


def test_upload_and_microphone_lead_there(found):
    content = recording(1.0)
    entry = {"name": "a.wav", "type": "audio/wav", "size": len(content), "content": memoryview(content), "last_modified": pd.Timestamp(0, tz="UTC")}  # fmt: skip
    found.upload.value = (entry,)
    assert "a.wav" in found.heading.value
    sent = {
        "state": {"recording": None},
        "method": "update",
        "buffer_paths": [["recording"]],
    }  # as a browser does
    found.microphone._handle_msg({"content": {"data": sent}, "buffers": [memoryview(recording(4.0))]})
    assert "your voice" in found.heading.value and "anger" in found.heading.value


@pytest.mark.parametrize("content", [b"", b"no sound at all", recording(0.0), recording(1.0)[:40]])
def test_what_cannot_be_heard_is_said(found, content):
    found.hear(content, "x")
    assert "cannot be heard" in found.heading.value and "/tmp" not in found.heading.value
    assert found.player.value == ""


def test_without_stored_embeddings_there_is_a_score_and_nothing_to_compare_with():
    found = Voice(Pitch(), None, "t")
    found.hear(recording(1.0), "x")
    assert "score -0.20" in found.heading.value and "further out" not in found.heading.value


def test_a_study_that_predicts_nothing_says_what_to_do():
    enrolled = types.SimpleNamespace(
        key="k", meta={"study": "enroll_to_verify", "data": "stand-in", "classes": []}
    )
    with pytest.raises(ValueError, match="Enrol and verify: .*explore.enrol"):
        explore.voice(enrolled)
