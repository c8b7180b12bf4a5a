"""Training on weak and strong labels: both kinds count, an interruption changes nothing."""

from pathlib import Path

import pytest
import torch
from detectron2.engine import HookBase

from audiodet.engine.trainer import Trainer
from audiodet.errors import DataError
from audiodet.visualization.sources import loaded
from tests.tiny import LABELS, StopAt, run_tool, tiny_config, tiny_opts, train, write_tiny_data

COMMON = (
    "INPUT.CROP_AUDIO.SECONDS",
    0.0,
    "DATALOADER.WEAK_PER_BATCH",
    1,
    "TEST.EVALUATORS",
    "('events', 'scores')",
    "MODEL.TAGGER.LOW_THRESHOLD",
    0.0,
    "TEST.THRESHOLDS",
    "[0.0]",
    "SOLVER.MAX_ITER",
    8,
    "SOLVER.LR_SCHEDULER_NAME",
    "WarmupMultiStepLR",
    "SOLVER.STEPS",
    "[]",
)
SELF_MASK = (
    *COMMON,
    "MODEL.META_ARCHITECTURE",
    "SelfMaskNet",
    "MODEL.BACKBONE.NAME",
    "build_self_mask_backbone",
    "INPUT.SPECTROGRAM.NORMALIZE",
    "product",
    "MODEL.ANCHOR_GENERATOR.OFFSET",
    0.5,
    "MODEL.SELF_MASK.STEM",
    4,
    "MODEL.SELF_MASK.WIDTHS",
    "(4, 4, 4, 8)",
)
TAGGER = (*COMMON, "MODEL.META_ARCHITECTURE", "SequenceTagger", "MODEL.TAGGER.LOSS", "both")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The tiny dataset with a weak split beside the strong one, and one without labels."""
    splits = {"train": 6, "weak": 6, "val": 3, "test": 3, "unlabelled": 2}
    data = write_tiny_data(tmp_path_factory.mktemp("weak") / "tiny_weak_strong", splits)
    table = data.folder / "weak.tsv"
    labels = {f"weak{i}.wav": [] for i in range(6)}
    for line in table.read_text().splitlines()[1:]:
        name, *event = line.split("\t")
        labels[name] += event[2:]
    lines = [f"{name}\t{','.join(own)}" for name, own in labels.items()]
    table.write_text("\n".join(["filename\tevent_labels", *lines]) + "\n")
    (data.folder / "unlabelled.tsv").write_text("filename\nunlabelled0.wav\nunlabelled1.wav\n")
    return data


def both(data):
    return ("DATASETS.TRAIN", str([f"{data.name}_train", f"{data.name}_weak"]))


def config(data, out, opts, *more):
    return tiny_config(data, out, *opts, *both(data), *more, test=["test"])


class Batches(HookBase):
    """Keeps the losses of every iteration."""

    def __init__(self):
        self.losses = {}

    def after_step(self):
        latest = self.trainer.storage.latest()
        self.losses[self.trainer.iter] = {
            k: v[0] for k, v in latest.items() if k.startswith("loss_")
        }


@pytest.mark.parametrize("opts", [SELF_MASK, TAGGER], ids=["self-mask", "tagger"])
def test_an_interruption_changes_nothing(data, opts, tmp_path):
    whole, seen = config(data, tmp_path / "whole", opts), Batches()
    trainer, _ = train(whole, seen)
    weights = {name: x.clone() for name, x in trainer.model.state_dict().items()}
    assert all(loss > 0 for losses in seen.losses.values() for loss in losses.values())
    cut = config(data, tmp_path / "cut", opts)
    with pytest.raises(InterruptedError):
        train(cut, StopAt(5))  # the last checkpoint is that of iteration 3
    resumed, _ = train(config(data, tmp_path / "cut", opts), resume=True)
    assert resumed.start_iter == 4
    for name, x in resumed.model.state_dict().items():
        assert torch.equal(x, weights[name]), name


def test_every_batch_has_its_weak_clip(data, tmp_path):
    loader = iter(Trainer.build_train_loader(config(data, tmp_path, SELF_MASK)))
    for _ in range(9):
        batch = next(loader)
        assert [clip["label_kind"] for clip in batch] == ["strong", "weak"]
        assert not len(batch[1]["instances"]) and Path(batch[1]["file_name"]).name.startswith(
            "weak"
        )
    labels = {k for clip in batch for k in clip["clip_labels"].nonzero().ravel().tolist()}
    assert labels <= {0, 1}


@pytest.mark.parametrize("split", ["train", "weak"])
def test_one_kind_alone_can_be_looked_at(data, split, tmp_path):
    file_name, image, shown = next(
        loaded(config(data, tmp_path, SELF_MASK), f"{data.name}_{split}")
    )
    assert Path(file_name).name.startswith(split) and image.ndim == 2
    assert split == "train" or shown["truth"] == []


def test_class_weights_are_measured_before_training(data, tmp_path):
    trainer, _ = train(config(data, tmp_path, SELF_MASK, "SOLVER.MAX_ITER", 1))
    strong = (data.folder / "train.tsv").read_text()
    weak = (data.folder / "weak.tsv").read_text()
    counts = torch.tensor([[text.count(label) for label in LABELS] for text in (weak, strong)])
    torch.testing.assert_close(trainer.model.class_weights, (1 / counts).softmax(1))


def test_a_frame_level_system_still_refuses_weak_labels(data, tmp_path):
    opts = [x if x != "both" else "frame" for x in TAGGER]
    with pytest.raises(DataError, match="weak labels, this model learns from strong ones"):
        Trainer.build_train_loader(config(data, tmp_path, opts))


def test_the_tool_draws_the_streams(data, tmp_path, monkeypatch):
    train(config(data, tmp_path / "out", SELF_MASK, "SOLVER.MAX_ITER", 1))
    opts = tiny_opts(data, tmp_path / "out", *SELF_MASK, *both(data), test=["test"])
    model = f"net={data.yaml}:{tmp_path / 'out' / 'model_final.pth'}"
    out = tmp_path / "streams.png"
    arguments = ["streams", "--model", model, "--clip", "1", "--out", str(out), "--opts", *opts]
    assert run_tool(monkeypatch, *arguments, tool="analyze") == ""
    assert out.read_bytes().startswith(b"\x89PNG")


def test_unlabelled_clips_do_not_validate(data, tmp_path):
    val = ("SOLVER.VAL_PERIOD", 1, "DATASETS.VAL", str([f"{data.name}_unlabelled"]))
    cfg = config(data, tmp_path, SELF_MASK, *val)
    with pytest.raises(
        DataError, match="has unlabelled labels, this model learns from strong or weak"
    ):
        train(cfg)
