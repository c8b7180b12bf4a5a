"""Consecutive training sequences: every frame, later each epoch; clips that do not fit."""

import itertools

import numpy as np
import pytest
import torch

from audiodet.data.loader import build_train_loader, training_clips
from audiodet.data.mapper import SEDMapper
from audiodet.data.samplers import SequenceDataset
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError, DataError
from audiodet.modeling.model import label_kinds
from tests.tiny import tiny_config, tiny_opts, write_tiny_data

FRAMES, SHIFT = 40, 73


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory):
    return write_tiny_data(tmp_path_factory.mktemp("sequences") / "tiny_sequences")


@pytest.fixture
def cfg(tiny_data):
    opts = ("INPUT.CROP_AUDIO.SECONDS", 0.0, "INPUT.SEQUENCE.FRAMES", FRAMES)
    masks = ("INPUT.SPEC_AUGMENT.TIME_MASKS", 0, "INPUT.SPEC_AUGMENT.FREQ_MASKS", 0)
    levels = ("INPUT.SPEC_AUGMENT.GAIN_DB", 0.0, "INPUT.SPEC_AUGMENT.EQ_DB", 0.0)
    return tiny_config(tiny_data, "output", *opts, *masks, *levels, "SOLVER.IMS_PER_BATCH", 1)


def test_numbers_name_sequences_and_epochs():
    clips = [{"image_id": i, "width": w, "file_name": ""} for i, w in enumerate((4.0, 1.0, 2.5))]
    dataset = SequenceDataset(clips, 2.0)
    assert len(dataset) == 2 + 1 + 2
    found = [
        (x["image_id"], *x["sequence"], x["draw"])
        for x in map(dataset.__getitem__, (0, 1, 2, 9, 10))
    ]
    assert found == [(0, 0, 0, 0), (0, 1, 0, 1), (1, 0, 0, 2), (2, 1, 1, 9), (0, 0, 2, 10)]


def test_each_epoch_starts_73_frames_later(cfg):
    """A clip of 130 frames: starts at 0, 40, 80 and the end; then 33 (73 modulo 40) later."""
    mapper = SEDMapper(cfg, is_train=True)
    log_mel = np.arange(130.0)[None].repeat(2, 0)
    starts = [[mapper._sequence(log_mel, k, epoch)[0] for k in range(4)] for epoch in range(3)]
    assert starts == [[0, 40, 80, 90], [33, 73, 90, 90], [26, 66, 90, 90]]
    start, part = mapper._sequence(log_mel, 1, 1)
    assert part[0].tolist() == list(range(73, 113)) and part.flags["C_CONTIGUOUS"]
    assert mapper._sequence(log_mel[:, :25], 0, 1)[1].shape == (2, 25)  # a shorter clip stays whole


def test_an_epoch_holds_every_frame_of_every_clip(cfg, tiny_data):
    whole = SEDMapper(cfg, is_train=False)
    batches = itertools.islice(build_train_loader(cfg), 6 * 4)  # 2 s are 126 frames, 4 sequences
    seen = {}
    for (clip,) in batches:
        assert clip["image"].shape[-1] == FRAMES and "sequence" not in clip
        seen.setdefault(clip["file_name"], []).append(clip["image"])
    assert len(seen) == 6
    for name, parts in seen.items():
        frames = {tuple(column.tolist()) for part in parts for column in part[0].T[:, :3]}
        full = whole({"file_name": name, "width": 2.0, "image_id": 0})["image"][0].T[:, :3]
        assert {tuple(column.tolist()) for column in full} == frames


def test_sequence_longer_than_every_clip(cfg):
    cfg = cfg.clone()
    cfg.defrost()
    cfg.INPUT.SEQUENCE.FRAMES = 200
    with pytest.raises(
        ConfigError, match=r"FRAMES lasts 3.20 s, the longest training clip .*wav 2.00 s"
    ):
        build_train_loader(cfg)


def test_sequences_and_crops_exclude_each_other(tiny_data):
    with pytest.raises(ConfigError, match="SEQUENCE.FRAMES is 40 and INPUT.CROP_AUDIO.SECONDS 1.5"):
        load_config(tiny_data.yaml, tiny_opts(tiny_data, "output", "INPUT.SEQUENCE.FRAMES", 40))


@pytest.mark.parametrize("loss, what", [("frame", "events"), ("both", "strong labels")])
def test_a_label_that_training_never_sees(cfg, loss, what):
    """Refused before the first step, by the list of clips as by the loader of batches."""
    cfg = cfg.clone()
    cfg.defrost()
    cfg.DATASETS.LABELS = ["burst", "tone", "bang"]
    cfg.MODEL.META_ARCHITECTURE, cfg.MODEL.TAGGER.LOSS = "SequenceTagger", loss
    problem = rf"DATASETS.TRAIN .* has 0 {what} of bang, expected at least one"
    kinds = label_kinds(cfg)
    for build in (training_clips, build_train_loader):
        with pytest.raises(DataError, match=problem):
            build(cfg, kinds=kinds)
    cfg.DATASETS.LABELS = ["tone", "burst"]
    assert len(training_clips(cfg, kinds)) == 6


def test_short_and_long_clips_share_a_batch(cfg):
    """A clip shorter than the sequence is padded, and its padding has no loss."""
    from detectron2.modeling import build_model
    from detectron2.structures import Boxes, Instances
    from detectron2.utils.events import EventStorage

    system = load_config(
        "configs/crnn/poly_mini.yaml",
        [
            "MODEL.DEVICE",
            "cpu",
            "MODEL.FRAME_STACK.DROPOUT",
            0.0,
            "MODEL.BACKBONE.PRECISION",
            "float32",
            "MODEL.FRAME_STACK.MAPS",
            4,
        ],
    )
    torch.manual_seed(0)
    model = build_model(system)
    for module in model.modules():  # batch statistics would tie clips together
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train = lambda mode=True, module=module: module
            module.training = False

    def clip(frames):
        truth = Instances(
            (40, frames), gt_boxes=Boxes([[0.0, 0.0, 5.0, 40.0]]), gt_classes=torch.tensor([2])
        )
        return {"image": torch.randn(1, 40, frames), "instances": truth}

    short, long = clip(20), clip(60)
    with EventStorage():
        together, a, b = (
            model(batch)["loss_frame"].item() for batch in ([short, long], [short], [long])
        )
    assert together == pytest.approx((20 * a + 60 * b) / 80, rel=1e-5)
