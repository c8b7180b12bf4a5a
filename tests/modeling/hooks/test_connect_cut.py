"""Connecting and cutting by hand, in cells of 78.1 ms and in frames of 20 ms."""

import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances

from audiodet.config import get_cfg
from audiodet.errors import ConfigError
from audiodet.modeling.hooks.connect_cut import ConnectAndCut
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.frame_events import events_from_scores


def hook(hop=431, seconds=0.2, rate=44100, thresholds=(0.5,)):
    cfg = get_cfg()
    cfg.TEST.THRESHOLDS = thresholds
    cfg.INPUT.SPECTROGRAM.HOP, cfg.MODEL.CONNECT_CUT.SECONDS, cfg.INPUT.AUDIO.SAMPLE_RATE = (
        hop,
        seconds,
        rate,
    )
    return ConnectAndCut(cfg)


def runs(pattern, stride=8, **kwargs):
    """Active cells "x" of one class -> what is left of them."""
    scores = np.array([[0.9 if c == "x" else 0.1] for c in pattern])
    events = events_from_scores(scores, 0.5, stride, 0.5, (128, stride * len(pattern)))
    (kept,) = hook(**kwargs)([None], [events])
    found = ["."] * len(pattern)
    for onset, _, offset, _ in (kept.pred_boxes.tensor / stride).round().int().tolist():
        found[onset:offset] = "x" * (offset - onset)
    return "".join(found)


@pytest.mark.parametrize(
    "before, after",
    [
        ("xxx..xxx....", "xxxxxxxx...."),  # a gap of two cells is filled
        ("xxx...xxx...", "xxx...xxx..."),  # three are 0.23 s
        ("xx...xxx..x.", ".....xxxxxx."),  # filled first, then two cells are cut
        ("x.x.x.......", "xxxxx......."),
        ("....xx......", "............"),
        ("............", "............"),
    ],
)
def test_two_cells_are_short_and_three_are_not(before, after):
    assert runs(before) == after


def test_frames_of_20_ms():
    """Ten frames are 0.2 s, which is not shorter than 0.2 s."""
    assert runs("x" * 10 + "." * 10 + "x" * 9, stride=1, hop=882) == "x" * 10 + "." * 19
    joined = "x" * 5 + "." * 9 + "x" * 5
    assert runs(joined, stride=1, hop=882) == "x" * 19


def test_classes_stay_apart_and_the_best_part_scores():
    events = Instances(
        (128, 1024),
        pred_boxes=Boxes(
            torch.tensor(
                [[0.0, 0, 40, 128], [48, 0, 100, 128], [50, 0, 90, 128], [300, 0, 400, 128]]
            )
        ),
        scores=torch.tensor([0.6, 0.9, 0.7, 0.8]),
        pred_classes=torch.tensor([0, 0, 1, 1]),
    )
    (kept,) = hook()([None], [events])
    assert kept.pred_boxes.tensor.tolist() == [
        [0, 0, 100, 128],
        [300, 0, 400, 128],
        [50, 0, 90, 128],
    ]
    assert kept.scores.tolist() == pytest.approx(
        [0.9, 0.8, 0.7]
    ) and kept.pred_classes.tolist() == [0, 1, 1]
    assert len(hook()([None], [events[[]]])[0]) == 0


def spans(events) -> list:
    times = events.pred_boxes.tensor[:, [0, 2]].tolist()
    return [(*map(round, time), round(x, 2)) for time, x in zip(times, events.scores.tolist())]


def test_what_is_not_reported_is_not_connected():
    """A faint run keeps its times and its score beside a loud one, and between two of them."""
    scores = np.zeros((100, 1), np.float32)
    scores[10:40], scores[45:60], scores[62:73], scores[76:90] = 0.15, 0.9, 0.2, 0.7
    events = events_from_scores(scores, 0.1, 1, 0.5, (64, 100))
    (kept,) = hook(hop=441, thresholds=(0.5,))([None], [events])  # the limit is 20 frames
    assert spans(kept) == [(45, 90, 0.9), (10, 40, 0.15)]  # 11 faint frames are short
    (kept,) = hook(hop=441, thresholds=(0.1,))([None], [events])
    assert spans(kept) == [(10, 90, 0.9)]


def test_each_label_has_its_threshold():
    scores = np.zeros((100, 3), np.float32)
    scores[10:40], scores[45:70] = 0.6, 0.7
    events = events_from_scores(scores, 0.1, 1, 0.5, (64, 100))
    (kept,) = hook(hop=441, thresholds=(0.5, 0.65, 0.8))([None], [events])
    assert kept.pred_classes.bincount().tolist() == [1, 2, 2]
    with pytest.raises(ConfigError, match="TEST.THRESHOLDS has 2 numbers, expected 1 or 3"):
        hook(thresholds=(0.5, 0.6))


def test_it_acts_behind_any_frame_level_system():
    """The scores stay as they are; the events change."""
    model = FrameClassifier(
        clip_input=None, num_classes=1, stride=8, offset=0.5, low=0.5, median_frames=0
    )
    scores = torch.tensor([[0.9], [0.9], [0.9], [0.1], [0.9], [0.1], [0.1], [0.1], [0.7]])
    clip = {"image": torch.zeros(1, 128, 72), "width": 7.2, "height": 1}
    before = model.inference(scores, clip)
    model.postprocessors = [hook()]
    after = model.inference(scores, clip)
    assert len(before["instances"]) == 3 and torch.equal(
        before["frame_scores"], after["frame_scores"]
    )
    torch.testing.assert_close(
        after["instances"].pred_boxes.tensor, torch.tensor([[0.0, 0.0, 4.0, 1.0]])
    )
    torch.testing.assert_close(after["frame_edges"], torch.arange(10, dtype=torch.float64) * 0.8)


def test_a_limit_below_zero():
    with pytest.raises(ConfigError, match="CONNECT_CUT.SECONDS is -0.1, expected at least 0"):
        hook(seconds=-0.1)
