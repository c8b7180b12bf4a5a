"""Every system is drawn: its events, and what it knows beside them."""

import matplotlib.image
import numpy as np
import pytest
import soundfile as sf
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.mapper import SEDMapper
from audiodet.visualization import draw_clip, save_figure, sources
from tests.systems import RATE, SYSTEMS, build, save, save_verifier

SECONDS = 5


@pytest.fixture
def dataset(tmp_path):
    """A recording of 5 s with an event of the first label from 1 to 2 s."""
    path = str(tmp_path / "clip.wav")
    sf.write(path, np.random.default_rng(0).normal(0, 0.1, SECONDS * RATE), RATE)
    event = {"bbox": [1.0, 0.0, 2.0, 1.0], "bbox_mode": 0, "category_id": 0, "iscrowd": 0}
    clip = {
        "file_name": path,
        "image_id": 0,
        "width": float(SECONDS),
        "height": 1,
        "annotations": [event],
    }
    DatasetCatalog.register("toy_drawn", lambda: [clip])
    yield "toy_drawn"
    DatasetCatalog.remove("toy_drawn")
    MetadataCatalog.remove("toy_drawn")


@pytest.mark.parametrize("name, opts", SYSTEMS)
def test_a_system_is_drawn(name, opts, dataset, tmp_path):
    """By the source behind `visualize_data.py --source model`, from a checkpoint."""
    verifier = save_verifier(tmp_path) if "{verifier}" in opts else ""
    opts = [str(x).replace("{verifier}", verifier) for x in opts]
    model = build(name, *opts, "DATALOADER.NUM_WORKERS", 0, "TEST.TUNE_THRESHOLDS", False)
    cfg, has_proposals = model.cfg.clone(), model.has_proposals
    cfg.merge_from_list(["MODEL.WEIGHTS", save(model, tmp_path, "model")])
    labels = list(cfg.DATASETS.LABELS)
    MetadataCatalog.get(dataset).set(thing_classes=labels, evaluator_type="sed")
    ((file_name, image, shown),) = sources.detected(cfg, dataset, has_proposals)
    assert [(e.onset, e.offset, e.label) for e in shown["truth"]] == [(1.0, 2.0, labels[0])]
    assert shown["detections"] and all(
        0 <= e.onset < e.offset <= SECONDS for e in shown["detections"]
    )
    assert ("proposals" in shown) == has_proposals
    assert ("regions" in shown) == name.endswith("fused")
    assert ("curves" in shown) == (not has_proposals or "regions" in shown)
    for seconds, values in shown.get("curves", {}).values():
        assert (
            len(seconds) == len(values) and -0.1 < seconds.min() and seconds.max() < SECONDS + 0.6
        )
        assert 0 <= values.min() and values.max() <= 1
    bands = [e for e in shown["detections"] if e.low_hz is not None]
    assert len(bands) == (len(shown["detections"]) if name == "tfseg/remix_mini" else 0)
    log_mel = SEDMapper(cfg, is_train=False).log_mel
    figure = draw_clip(image, log_mel.seconds_per_frame, log_mel.f_min, log_mel.f_max, **shown)
    save_figure(figure, tmp_path / "clip.png")
    assert matplotlib.image.imread(tmp_path / "clip.png").shape[0] > 300
