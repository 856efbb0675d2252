"""Stand-ins: the same samples by seed, made once, and emotions that one easy cue does not give away."""

import dataclasses
import filecmp
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sernb import corpora, paths
from sernb.corpora import labels, prosody, standin

FIRST_SPEAKER = """
import dataclasses, sys
from pathlib import Path
from sernb.corpora import standin
plan = standin.PLANS["emovo"]
standin.PLANS["emovo"] = dataclasses.replace(plan, speakers=plan.speakers[:1])
standin.speak("emovo", int(sys.argv[1]), Path(sys.argv[2]))
"""


def test_the_same_seed_gives_the_same_samples_in_a_fresh_process(tmp_path):
    for seed in (0, 1):
        command = [sys.executable, "-c", FIRST_SPEAKER, str(seed), str(tmp_path / str(seed))]
        subprocess.run(command, check=True, cwd=paths.ROOT)
    made = standin.make("emovo", 0)
    names = sorted(file.name for file in (tmp_path / "0" / "f1").iterdir())
    assert len(names) == 28
    same, _, _ = filecmp.cmpfiles(made / "f1", tmp_path / "0" / "f1", names, shallow=False)
    assert sorted(same) == names
    shared = sorted({file.name for file in (tmp_path / "1" / "f1").iterdir()} & set(names))
    assert not filecmp.cmpfiles(tmp_path / "0" / "f1", tmp_path / "1" / "f1", shared, shallow=False)[0]


def test_a_second_call_reads_what_the_first_one_made(monkeypatch):
    root = standin.make("emovo", 0)
    monkeypatch.setattr(subprocess, "run", None)
    assert standin.make("emovo", 0) == root


def test_a_failure_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "no voice")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="the stand-in of emovo could not be made:\nno voice"):
        standin.make("emovo", 0, cache=tmp_path)
    assert not list((tmp_path / "stand-in").iterdir())


def test_a_changed_recipe_is_spoken_anew(monkeypatch, tmp_path):
    before = standin.recipe()
    changed = tmp_path / "prosody.py"
    changed.write_text("RULES = {}")
    monkeypatch.setattr(prosody, "__file__", str(changed))
    assert standin.recipe() != before


def test_every_emotion_of_every_plan_has_a_rule_and_unknown_corpora_are_refused():
    for plan in standin.PLANS.values():
        assert set(plan.codes.values()) - {None} <= set(prosody.RULES) & {*labels.VOCABULARY, *labels.OWN}
    for make in (standin.make, lambda name: standin.make_all(["emovo", name])):
        with pytest.raises(ValueError, match="there is no stand-in for 'sewa'; there are emodb, emovo"):
            make("sewa")


def test_all_are_made_side_by_side_each_once_in_the_order_asked_for(tmp_path, monkeypatch):
    def make(command, **_):
        made.append(command[-3])
        return subprocess.CompletedProcess(command, 0)

    made = []
    monkeypatch.setattr(subprocess, "run", make)
    roots = standin.make_all(["tess", "casia", "tess"], seed=3, cache=tmp_path)
    assert list(roots) == ["tess", "casia"] and sorted(made) == ["casia", "tess"]
    assert all(root.is_dir() and root.name.endswith("-seed3") for root in roots.values())
    assert list(standin.make_all(cache=tmp_path)) == corpora.names() and len(made) == 2 + 11


def test_rules_differ_less_than_utterances_do():
    """For each two emotions no parameter alone separates: most are within two deviations of their neighbour."""
    pitch = np.sort([rule.pitch for rule in prosody.RULES.values()])
    assert np.diff(pitch).max() < 2 * prosody.DEVIATION.pitch
    generator = np.random.default_rng(0)
    drawn = [dataclasses.astuple(prosody.draw("sadness", generator)) for _ in range(400)]
    assert np.mean(drawn, axis=0) == pytest.approx(dataclasses.astuple(prosody.RULES["sadness"]), abs=0.2)


def pitch_and_energy(file, low=60, high=450):
    """Mean fundamental frequency (log Hz) by autocorrelation of 40 ms frames, and mean energy in dB of the
    peak-normalised utterance."""
    x, rate = soundfile.read(file)
    x = x / np.abs(x).max()
    width = round(0.04 * rate)
    frames = np.lib.stride_tricks.sliding_window_view(x, width)[:: width // 2]
    frames = frames - frames.mean(axis=1, keepdims=True)
    window = np.hanning(width)

    def autocorrelation(y):
        return np.fft.irfft(np.abs(np.fft.rfft(y, 4 * width)) ** 2)[..., :width]

    r = autocorrelation(frames * window) / autocorrelation(window).clip(
        1e-3
    )  # the window's own decay taken out
    lags = np.arange(rate // high, rate // low)
    best = lags[r[:, lags].argmax(axis=1)]
    energy = (frames**2).mean(axis=1)
    voiced = (r[np.arange(len(r)), best] > 0.5 * r[:, 0]) & (energy > 1e-3 * energy.max())
    return np.log(rate / best[voiced]).mean(), 10 * np.log10(energy.mean())


def test_mean_pitch_and_energy_alone_do_not_give_the_emotion_away():
    """Chance is 14.3 % UAR; the bound for what is worth learning from is 55 %."""
    t = corpora.load("emodb", data="stand-in")
    x = np.array([pitch_and_energy(file) for file in t["file"]])
    women = (t["gender"] == "female").to_numpy()
    assert (
        np.isfinite(x).all() and x[women, 0].mean() > x[~women, 0].mean() + 0.2
    )  # the probe does hear pitch
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=1000))
    predicted = cross_val_predict(probe, x, t["emotion"], groups=t["speaker"], cv=LeaveOneGroupOut())
    assert recall_score(t["emotion"], predicted, average="macro") < 0.55
