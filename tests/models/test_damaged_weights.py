"""Weights from elsewhere under fire: each loader gives exactly what was saved, or says what is wrong; nothing runs."""

import json
import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import published_weights
import pytest
import safetensors.torch
import torch
import transformers
from damage import mutated
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sernb.models import cnn14_weights, self_supervised, vq_wav2vec
from sernb.models.checkpoints import Refused
from sernb.models.cnn14 import CNN14

#: torch tells of damaged and foreign pickles in a warning before it refuses them.
pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


class Kind:
    """One format of one encoder's weights: `file` is what is damaged, `save` writes a state dict the way it is written.

    `sums` says whether the format has checksums: then a number that changed is seen.
    """

    def __init__(
        self, file: Path, load: Callable[[], dict], save: Callable[[dict], None], state: dict, sums: bool
    ):
        self.file, self.load, self.save, self.state, self.sums = file, load, save, state, sums
        self.save(self.state)
        self.content, self.right = self.file.read_bytes(), self.load()

    def again(self, content: bytes | None = None):
        self.file.write_bytes(self.content if content is None else content)


def _torch(name, folder, zipped):
    file, how = folder / "weights.pt", {"_use_new_zipfile_serialization": zipped}
    if name == "CNN14":
        whole = published_weights.cnn14()
        return Kind(
            file, lambda: cnn14_weights.read(file, 16_000), lambda s: torch.save({**whole, "model": s}, file, **how),
            whole["model"], zipped,
        )  # fmt: skip
    return Kind(
        file, lambda: vq_wav2vec.load(file).state_dict(),
        lambda s: published_weights.save_vq(file, state=s, as_zip=zipped), published_weights.vq_weights("gumbel"), zipped,
    )  # fmt: skip


def _encoder(folder, zipped):
    torch.manual_seed(0)
    model = self_supervised.small(32, 2).model
    model.config.save_pretrained(folder)
    file = folder / ("pytorch_model.bin" if zipped else "model.safetensors")
    write = (
        torch.save
        if zipped
        else lambda state, file: safetensors.torch.save_file(state, file, {"format": "pt"})
    )
    return Kind(
        file, lambda: self_supervised.load(str(folder)).model.state_dict(), lambda state: write(state, file),
        model.state_dict(), zipped,
    )  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[
        "CNN14",
        "CNN14, older",
        "vq-wav2vec",
        "vq-wav2vec, older",
        "encoder, bin",
        "encoder, safetensors",
    ],
)
def whole(request, tmp_path_factory):
    """Each kind, as it is published; small where the architecture allows it."""
    name, _, form = request.param.partition(", ")
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cnn14_weights, "CNN14", lambda width=1.0, **options: CNN14(width / 16, **options))
        yield _encoder(folder, form == "bin") if name == "encoder" else _torch(name, folder, form != "older")


@pytest.fixture
def kind(whole):
    yield whole
    whole.again()


def named(kind, most: int | None = None):
    """Loading is refused with the file or its folder in the message, in one line, and what to do; the message.

    With `most` it may load too: what was saved, but for so many numbers where the format has no checksums.
    """
    try:
        state = kind.load()
    except (Refused, FileNotFoundError) as error:
        said = str(error)
        assert str(kind.file.parent) in said and "fetch" in said.lower() and "\n" not in said, said
        return said
    assert most is not None, "it was loaded"
    assert all(torch.isfinite(state[name]).all() for name in kind.right)
    differ = sum(int((state[name] != value).sum()) for name, value in kind.right.items())
    assert differ <= (0 if kind.sums else most), f"{differ} numbers are not what was saved"
    return ""


def test_what_was_saved_is_what_is_loaded(kind):
    saved = [value for value in kind.state.values() if isinstance(value, torch.Tensor)]
    for name, value in kind.right.items():
        assert value.dtype in (torch.float32, torch.int64), name
        # A published CNN14's kernels are turned over (see cnn14_weights.read).
        ways = [value, value.mT] if value.ndim == 4 else [value]
        assert any(w.shape == other.shape and torch.equal(w, other) for other in saved for w in ways), name
    kind.save({name: v.half() if v.is_floating_point() else v for name, v in kind.state.items()})
    state = kind.load()
    for name, value in kind.right.items():
        tolerance = 1e-3 * float(value.abs().max())
        assert state[name].dtype == value.dtype and torch.allclose(
            state[name], value, atol=tolerance, rtol=0
        ), name


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
@example(share=0.0)
def test_a_file_cut_off_is_refused(kind, share):
    kind.again(kind.content[: int(share * len(kind.content))])
    named(kind)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=8
    )
)
def test_flipped_bytes_are_found_or_change_those_numbers_alone(kind, changes):
    """In torch's older format, a pickle, a byte may also be one of a layout; there is nothing to tell by."""
    content = bytearray(kind.content)
    for share, byte in changes:
        content[int(share * len(content))] ^= byte
    kind.again(bytes(content))
    named(kind, most=len(changes) if kind.file.suffix == ".safetensors" else 2**40)


def test_15_files_damaged_at_random(kind):
    draw = random.Random(0)
    for _ in range(15):
        kind.again(mutated(kind.content, draw))
        named(kind, most=2**40)


NOT_WEIGHTS = {
    "nothing": b"", "text": b"<html>404 not found</html>", "zeros": bytes(1000), "a zip's first bytes": b"PK\3\4",
    "an empty pickle": b"\x80\x02.", "a zip's last bytes": b"PK\5\6" + bytes(18),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_WEIGHTS)
def test_what_is_no_checkpoint_is_refused(kind, what):
    kind.again(NOT_WEIGHTS[what])
    assert "nan" not in named(kind).lower()


def test_a_folder_nothing_or_another_archive_in_its_place_is_refused(kind):
    kind.file.unlink()
    named(kind)
    kind.file.mkdir()
    named(kind)
    kind.file.rmdir()
    with zipfile.ZipFile(kind.file, "w") as archive:
        archive.writestr("notes/readme.txt", "no checkpoint")
    named(kind)
    with zipfile.ZipFile(kind.file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**7))  # would fill the memory
    assert kind.file.suffix == ".safetensors" or "claims 10000000 bytes of content in" in named(kind)
    named(kind)


def wrong(state):
    """State dicts that are not the published one: what is wrong with each, and what the message must say."""
    name = max(
        state,
        key=lambda n: (state[n].is_floating_point() and "vars" in n, "fc1.weight" in n, state[n].numel()),
    )
    value = state[name].clone()
    yield {**state, name: value[..., :-1].contiguous()}, "shape|weights"
    yield {**state, name: value[None].clone()}, "shape|weights"
    yield {k: v for k, v in state.items() if k != name}, "missing"
    yield {**state, "encoder.layers.77.extra": torch.ones(1)}, "of others it has 1|no place for"
    yield {**state, name: torch.full_like(value, torch.nan)}, "not finite"
    yield {**state, name: torch.where(torch.arange(value.shape[-1]) == 1, torch.inf, value)}, "not finite"
    yield {**state, name: value.long()}, "int64|I64"
    yield {**state, name: value.to(torch.complex64)}, "complex64|C64"
    yield {}, "missing"


def test_weights_of_other_names_shapes_and_kinds_are_refused(kind):
    for state, message in wrong(kind.state):
        kind.save(state)
        said = named(kind)
        assert any(part in said for part in message.split("|")), said


@pytest.mark.parametrize("where", ["instead", "as a weight", "as a name", "beside"])
def test_nothing_in_a_file_is_executed(kind, where, tmp_path):
    """Pickles that make a file, in every format, bare too, and under the name of one that is no pickle."""
    for i, bad in enumerate(published_weights.traps(tmp_path / "sprung")):
        content = {
            "instead": bad, "as a weight": {"model": {**kind.state, next(iter(kind.state)): bad}},
            "as a name": {"model": {**kind.state, bad: torch.ones(1)}},
            "beside": {"model": kind.state, "args": bad, "sampler": bad, "extra_state": bad},
        }[where]  # fmt: skip
        for zipped in (True, False):
            torch.save(content, kind.file, _use_new_zipfile_serialization=zipped)
            named(kind)
        kind.file.write_bytes(pickle.dumps(content))
        named(kind)
        assert not os.listdir(tmp_path), f"trap {i} was sprung"
        pickle.loads(pickle.dumps(bad))  # the control: unpickled freely, it would have been
        assert [p.name for p in tmp_path.iterdir()] == ["sprung"]
        (tmp_path / "sprung").rmdir() if (tmp_path / "sprung").is_dir() else (tmp_path / "sprung").unlink()


# What only encoders of transformers have: a configuration beside the weights


@pytest.fixture
def encoder(tmp_path):
    """`encoder(**changes)`: the folder of a small encoder whose config.json was changed."""
    torch.manual_seed(0)
    self_supervised.small(32, 2).model.save_pretrained(tmp_path / "mine")
    whole = json.loads((tmp_path / "mine" / "config.json").read_text())

    def changed(**changes):
        (tmp_path / "mine" / "config.json").write_text(json.dumps(whole | changes))
        return str(tmp_path / "mine")

    return changed


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": 0}, {"hidden_size": "x"}, {"hidden_size": 10**9}, {"num_hidden_layers": 10**6}, {"num_attention_heads": 5},
        {"num_attention_heads": 0}, {"intermediate_size": 10**10}, {"num_conv_pos_embeddings": 10**9}, {"conv_kernel": [1]},
        {"conv_stride": [0, 0]}, {"conv_stride": [160, 1]}, {"conv_dim": None}, {"hidden_act": "moon"}, {"model_type": 3},
        {"layer_norm_eps": "x"}, {"dtype": "moon"}, {"feat_extract_norm": "moon"}, {"num_hidden_layers": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_configuration_that_is_not_the_weights_is_refused(encoder, change):
    with pytest.raises(Refused, match="mine: .*Expected a directory, or a name of the hub, with config.json"):
        self_supervised.load(encoder(**change))


def test_a_configuration_runs_nothing(encoder, tmp_path):
    """Code of the folder's own, kernels of the hub: asked for by the configuration, and not taken."""
    source = encoder(
        auto_map={"AutoConfig": "evil.Config", "AutoModel": "evil.Model"},
        attn_implementation="someone/kernel",
    )
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\nclass Config: pass\nclass Model: pass\n"
    (tmp_path / "mine" / "evil.py").write_text(trap)
    found = self_supervised.load(source)
    assert found.model.config._attn_implementation == "sdpa" and not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("whole", ["encoder, safetensors"], indirect=True)
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_damaged_configuration_is_refused_or_leaves_the_weights_as_they_were(whole, seed):
    file = whole.file.parent / "config.json"
    content = file.read_bytes()
    try:
        file.write_bytes(mutated(content, random.Random(seed)))
        named(whole, most=0)
    finally:
        file.write_bytes(content)


def test_a_path_to_nothing_is_named_at_once_and_the_hub_is_not_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(transformers.PretrainedConfig, "get_config_dict", None)
    (tmp_path / "file").touch()
    for source, found in (("nowhere", "there is no such directory"), ("file", "is a file")):
        with pytest.raises(FileNotFoundError, match=f"{source}: {found}. Expected a directory"):
            self_supervised.load(str(tmp_path / source))
    with pytest.raises(
        FileNotFoundError, match="nowhere.pt: no such file, expected a checkpoint. vq-wav2vec's weights"
    ):
        vq_wav2vec.load(tmp_path / "nowhere.pt")
    with pytest.raises(
        FileNotFoundError, match="nowhere.pth: no such file, .* such as Cnn14_16k_mAP=0.438.pth"
    ):
        cnn14_weights.read(tmp_path / "nowhere.pth", 16_000)
