"""Score curves over time, and candidates under the threshold."""

import numpy as np
import pytest
import torch

from audiodet.events import Event
from audiodet.inference.curves import CurveStitcher, curves_of_events
from audiodet.inference.detector import Detector
from tests.inference.sounds import sound
from tests.systems import RATE, SYSTEMS, build, save_verifier
from tests.tiny import LABELS


def test_curves_of_events_by_hand():
    events = [
        Event(0.5, 2.5, "tone", 0.75),
        Event(2.0, 3.0, "tone", 0.25),
        Event(1.6, 1.7, "burst", 0.5),
    ]
    curves = curves_of_events(events, LABELS, 3.2, 1.0)
    assert curves.edges.tolist() == [0, 1, 2, 3, 3.2]
    assert curves["tone"].tolist() == [0.75, 0.75, 0.25, 0]  # the centre 2.5 is the next one's
    assert curves["burst"].tolist() == [0, 0.5, 0, 0]  # holds no centre
    assert curves.seconds == pytest.approx([0.5, 1.5, 2.5, 3.1])


def test_windows_join_in_the_middle_of_their_overlap():
    stitcher = CurveStitcher()
    stitcher.add(np.full((6, 1), 0.25), np.arange(7.0), 0.0)  # 0 to 6 s
    stitcher.add(np.full((6, 1), 0.75), np.arange(7.0), 4.0)  # 4 to 10 s
    curves = stitcher.curves(["tone"], 9.5)
    assert curves.edges.tolist() == [*range(10), 9.5]
    assert curves["tone"].tolist() == [0.25] * 5 + [0.75] * 5


@pytest.mark.parametrize("name, opts", SYSTEMS)
def test_curves_of_every_system(name, opts, tmp_path):
    """Whole recordings: the network's own frames; long ones: the same in the middle of a window."""
    verifier = save_verifier(tmp_path)
    model = build(name, *[str(x).replace("{verifier}", verifier) for x in opts])
    samples = sound(14.0)[: 14 * RATE].astype(np.float32)
    detector = Detector(model, window=6.0, overlap=2.5, floor=0.0)
    curves = detector.scores(samples, RATE)
    assert curves.edges[0] == 0 and curves.edges[-1] == pytest.approx(14.0)
    steps = np.diff(curves.edges)
    assert steps.min() > 0 and steps[1:-1] == pytest.approx(np.full(len(steps) - 2, steps[1]))
    assert curves.scores.shape == (len(steps), len(model.cfg.DATASETS.LABELS))
    assert 0 < curves.scores.max() <= 1
    short = samples[: 5 * RATE]
    curves = detector.scores(short, RATE)
    inputs = detector.features(short)
    with torch.inference_mode():
        (output,) = model([inputs])
    if "frame_scores" in output:
        own = output["frame_scores"].numpy()
        assert curves.scores == pytest.approx(own[: len(curves.scores)])
        centres = output["frame_seconds"].numpy()[1:-2]
        assert curves.seconds[1 : 1 + len(centres)] == pytest.approx(centres, abs=1e-4)
        return
    for event in detector.detect(short, RATE):
        middle = np.searchsorted(curves.edges, (event.onset + event.offset) / 2) - 1
        assert curves[event.label][middle] >= event.score - 1e-6


def test_candidates_on_request(model):
    """The best that are left out, in one list with what is reported."""
    detector = Detector(model, 0.32, floor=0.0)
    samples = sound(3.0, 4)
    reported = detector.detect(samples, 16000)
    everything = Detector(model, 0.0).detect(samples, 16000)
    assert 0 < len(reported) < len(everything) - 3
    more = detector.detect(samples, 16000, candidates=3)
    ranked = sorted((e for e in everything if e.score < 0.32), key=lambda e: -e.score)
    assert more == sorted([*reported, *ranked[:3]])
    assert detector.detect(samples, 16000, candidates=1000) == everything
