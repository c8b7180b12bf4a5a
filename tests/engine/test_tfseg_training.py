"""Training on clip labels alone: the loss falls, all scores are taken, strong labels refused."""

import json

import pytest

from audiodet.errors import ConfigError, DataError
from audiodet.engine.trainer import Trainer
from tests.tiny import RATE, tiny_config, train, write_tiny_data

TFSEG = (
    "MODEL.META_ARCHITECTURE",
    "TFSegmentation",
    "MODEL.TFSEG.MAPS",
    "[8, 8]",
    "MODEL.BACKBONE.NAME",
    "build_mask_network_backbone",
    "MODEL.TFSEG.RANK_DECAY",
    0.995,
    "INPUT.SPECTROGRAM.N_MELS",
    16,
    "INPUT.SPECTROGRAM.CENTRE",
    False,
    "INPUT.CROP_AUDIO.SECONDS",
    0.0,
    "INPUT.SPEC_AUGMENT.TIME_MASKS",
    0,
    "INPUT.SPEC_AUGMENT.FREQ_MASKS",
    0,
    "INPUT.SPEC_AUGMENT.GAIN_DB",
    0.0,
    "INPUT.SPEC_AUGMENT.EQ_DB",
    0.0,
    "SOLVER.BASE_LR",
    0.01,
    "SOLVER.IMS_PER_BATCH",
    6,
    "MODEL.TAGGER.LOW_THRESHOLD",
    0.1,
    "TEST.THRESHOLDS",
    "[0.2]",
    "TEST.FRAME_SECONDS",
    256 / RATE,
    "TEST.EVALUATORS",
    "['events', 'tags', 'frames']",
)


@pytest.fixture(scope="module")
def weak_data(tmp_path_factory):
    """The tiny data with a weak table for training, a strong one for tests."""
    data = write_tiny_data(tmp_path_factory.mktemp("weak") / "tiny_weak")
    table = data.folder / "train.tsv"
    labels = {}
    for line in table.read_text().splitlines()[1:]:
        name, *event = line.split("\t")
        labels.setdefault(name, set()).update(event[2:])
    rows = [f"{name}\t{','.join(sorted(found))}" for name, found in labels.items()]
    table.write_text("\n".join(["filename\tevent_labels", *rows]) + "\n")
    return data


def test_learns_from_clip_labels(weak_data, tmp_path):
    cfg = tiny_config(weak_data, tmp_path, *TFSEG, "SOLVER.MAX_ITER", 80, test=["test"])
    trainer, losses = train(cfg)
    assert losses.total[79] < 0.6 * losses.total[0]
    found = trainer._last_eval_results
    assert {"sed", "tagging", "frames"} <= set(found)
    assert found["frames"]["AUC"] > 85  # where, though only which was told
    written = {p.name for p in (tmp_path / "inference" / f"{weak_data.name}_test").iterdir()}
    assert {"frames.json", "tagging.json", "metrics.json"} <= written
    frames = json.loads(
        (tmp_path / "inference" / f"{weak_data.name}_test" / "frames.json").read_text()
    )
    assert frames["frames"]["F1"] == pytest.approx(found["frames"]["F1"])


def test_strong_labels_are_refused(tmp_path):
    data = write_tiny_data(tmp_path / "tiny_strong", {"train": 3, "val": 1, "test": 1})
    cfg = tiny_config(data, tmp_path / "out", *TFSEG)
    said = "tiny_strong_train' has strong labels, this model learns from weak ones"
    with pytest.raises(DataError, match=said):
        Trainer.build_train_loader(cfg)


def test_masks_of_a_frame_wise_network(weak_data, tmp_path):
    opts = ["MODEL.TFSEG.LEVEL", "frame", "TEST.EVALUATORS", "['masks']", "SOLVER.MAX_ITER", 1]
    cfg = tiny_config(weak_data, tmp_path, *TFSEG, *opts, test=["test"])
    with pytest.raises(
        ConfigError, match="names 'masks', which TFSegmentation does not give here, expected"
    ):
        train(cfg)
