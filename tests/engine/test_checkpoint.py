"""Checkpoints: what is refused, what is safe, and what travels inside."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from audiodet.engine.checkpoint import CARD, SEDCheckpointer, init_backbone, read_weights
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import WeightsError
from tests.tiny import LABELS, tiny_config


@pytest.fixture(scope="module")
def checkpoint(tiny_data, tmp_path_factory):
    """An untrained R-CRNN, saved; returns (path, its state)."""
    folder = tmp_path_factory.mktemp("checkpoint")
    cfg = tiny_config(tiny_data, folder)
    model = Trainer.build_model(cfg)
    SEDCheckpointer(model, str(folder), cfg=cfg).save("model", iteration=3)
    state = {name: x.clone().contiguous() for name, x in model.state_dict().items()}
    return str(folder / "model.pth"), state


def load(data, path, *opts):
    """Load ``path`` into the model of a configuration -> the model."""
    cfg = load_config(data.yaml, [str(part) for part in opts])
    model = Trainer.build_model(cfg)
    SEDCheckpointer(model, cfg=cfg).load(str(path))
    return model


def test_round_trip(tiny_data, checkpoint):
    path, state = checkpoint
    model = load(tiny_data, path)
    assert all(torch.equal(model.state_dict()[name], x) for name, x in state.items())
    card = read_weights(path)[CARD]
    assert card["architecture"] == "RCRNN" and card["labels"] == LABELS


@pytest.mark.parametrize(
    "opts, found, expected",
    [
        (("MODEL.META_ARCHITECTURE", "SequenceTagger"), "'RCRNN'", "'SequenceTagger'"),
        (("DATASETS.LABELS", "['tone', 'burst']"), "['burst', 'tone']", "['tone', 'burst']"),
        (("DATASETS.LABELS", "['burst']"), "['burst', 'tone']", "['burst']"),
        (("INPUT.AUDIO.SAMPLE_RATE", 8000), "SAMPLE_RATE 16000", "8000"),
        (("INPUT.SPECTROGRAM.HOP", 160), "HOP 256", "160"),
        (("INPUT.SPECTROGRAM.N_FFT", 1024), "N_FFT 512", "1024"),
        (("INPUT.SPECTROGRAM.NORMALIZE", "clip"), "'train'", "'clip'"),
        (("INPUT.SPECTROGRAM.F_MAX", 4000.0), "F_MAX 0.0", "4000.0"),
        (("INPUT.SPECTROGRAM.N_MELS", 32), "N_MELS 64", "32"),
    ],
)
def test_another_model_is_refused_with_both_values(opts, found, expected, tiny_data, checkpoint):
    with pytest.raises(WeightsError) as error:
        load(tiny_data, checkpoint[0], *opts)
    message = str(error.value)
    assert message.startswith(checkpoint[0]) and "\n" not in message
    assert found in message.split("expected")[0] and expected in message.split("expected")[1]


def test_training_settings_may_differ(tiny_data, checkpoint):
    load(tiny_data, checkpoint[0], "INPUT.SPECTROGRAM.NORMALIZE_CLIPS", 3, "SOLVER.BASE_LR", 1.0)


def test_other_layer_sizes_are_refused(tiny_data, checkpoint):
    with pytest.raises(WeightsError, match=r"\.pth: does not fit.*other shapes.*\(8, .*\(16, "):
        load(tiny_data, checkpoint[0], "MODEL.ROI_BOX_HEAD.FC_DIM", 16)


def test_tensors_without_a_description(tiny_data, checkpoint, tmp_path):
    """Of anybody's making: taken when every tensor is there, refused when one is not."""
    state = dict(checkpoint[1])
    torch.save(state, tmp_path / "bare.pth")
    model = load(tiny_data, tmp_path / "bare.pth")
    assert all(torch.equal(model.state_dict()[name], x) for name, x in state.items())
    del state["clip_input.normalizer.mean"]
    save_file(state, tmp_path / "less.safetensors")
    with pytest.raises(WeightsError, match="missing .*clip_input.normalizer.mean"):
        load(tiny_data, tmp_path / "less.safetensors")


class Stranger:
    """Unpickling it runs code: it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def write_with_stranger(path, state, folder):
    data = {"model": state, "surprise": Stranger(folder)}
    if path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(data))
    else:
        torch.save(data, path)


@pytest.mark.parametrize("name", ["weights.pth", "weights.pkl"])
def test_code_in_a_pickle_never_runs_unasked(name, tiny_data, checkpoint, tmp_path):
    path, ran = tmp_path / name, tmp_path / "ran"
    write_with_stranger(path, checkpoint[1], ran)
    with pytest.raises(WeightsError, match=f"{name}: refused.*MODEL.TRUST_PICKLE"):
        load(tiny_data, path)
    with pytest.raises(WeightsError, match="refused"):
        read_weights(str(path))
    assert not ran.exists()
    model = load(tiny_data, path, "MODEL.TRUST_PICKLE", True)
    assert ran.is_dir()  # it does run code: the flag is the only guard
    assert all(torch.equal(model.state_dict()[key], x) for key, x in checkpoint[1].items())


def test_pretraining_weights_are_as_safe(tiny_data, checkpoint, tmp_path):
    path, ran = tmp_path / "weights.pth", tmp_path / "ran"
    write_with_stranger(path, checkpoint[1], ran)
    cfg = tiny_config(tiny_data, tmp_path, "MODEL.BACKBONE.INIT_WEIGHTS", path)
    with pytest.raises(WeightsError, match="refused"):
        init_backbone(Trainer.build_model(cfg), cfg)
    assert not ran.exists()


@pytest.mark.parametrize("kept", [0, 7, 0.5, -1])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pkl"])
def test_truncated(suffix, kept, checkpoint, tmp_path):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        path.write_bytes(open(checkpoint[0], "rb").read())
    elif suffix == ".pkl":
        path.write_bytes(pickle.dumps({"model": {"a": torch.zeros(100)}}))
    else:
        save_file(checkpoint[1], path)
    size = path.stat().st_size
    os.truncate(path, size + kept if kept < 0 else int(kept * size) if kept < 1 else kept)
    for trust in (False, True):
        with pytest.raises(WeightsError, match="weights") as error:
            read_weights(str(path), trust)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no weights\n", b"PK\x03\x04", bytes(range(256)), b"]."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pkl"])
def test_not_a_checkpoint(suffix, content, tmp_path):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    for trust in (False, True):
        with pytest.raises(WeightsError, match="weights"):
            read_weights(str(path), trust)


@pytest.mark.parametrize("value", [[1, 2], torch.zeros(3), {"model": 3}, {"a": 1}])
def test_tensors_of_no_model(value, tmp_path):
    torch.save(value, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="weights.pth: .*expected tensors by name"):
        read_weights(str(tmp_path / "weights.pth"))


def test_missing_file(tiny_data, tmp_path):
    path = tmp_path / "nowhere.pth"
    with pytest.raises(WeightsError, match="nowhere.pth: no such file"):
        read_weights(str(path))
    with pytest.raises(WeightsError, match="nowhere.pth: no such file"):
        load(tiny_data, path)


def test_last_checkpoint_without_its_file(tiny_data, tmp_path):
    (tmp_path / "last_checkpoint").write_text("model_0000003.pth")
    cfg = tiny_config(tiny_data, tmp_path)
    with pytest.raises(WeightsError, match="model_0000003.pth: no such file"):
        Trainer(cfg).resume_or_load(resume=True)
