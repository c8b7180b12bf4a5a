"""Lambda after the fact equals lambda in the network, without the network."""

import pytest

from audiodet.errors import ConfigError, DataError
from audiodet.evaluation import ClipResult
from papers.fusion_sweep import refuse, sweep
from audiodet.events import Event


@pytest.fixture
def clip():
    beta, segment, box = [0.9, 0.6, 0.3], [0.1, 0.4, 0.8], [0.2, 0.9, 0.5]
    events = [Event(float(i), i + 0.5, "gunshot", score) for i, score in enumerate(beta)]
    parts = {"detector_scores": beta, "segment_scores": segment, "box_scores": box}
    return ClipResult("a", 30.0, [Event(1.0, 2.0, "gunshot")], events, "gunshot", "g", parts)


def test_by_hand(clip):
    (fused,) = refuse([clip], 0.5, "box")
    assert [(e.onset, round(e.score, 6)) for e in fused.candidates] == [
        (1.0, 0.75),
        (0.0, 0.55),
        (2.0, 0.4),
    ]
    assert fused.parts["detector_scores"] == [0.6, 0.9, 0.3]
    assert fused.reference == clip.reference and fused.source_group == "g"


def test_ends_are_the_detector_and_the_verifier(clip):
    assert refuse([clip], 0.0)[0].candidates == clip.candidates
    verifier = refuse([clip], 1.0)[0]
    assert [e.score for e in verifier.candidates] == [0.8, 0.4, 0.1]
    # sweeping what was swept gives the same as sweeping the original
    assert refuse([verifier], 0.25) == refuse([clip], 0.25)


def test_sweep_runs_every_pair(clip):
    found = [(window, weight) for window, weight, _ in sweep([clip], [0.0, 1.0])]
    assert found == [("segment", 0.0), ("segment", 1.0), ("box", 0.0), ("box", 1.0)]


def test_bad_input(clip):
    with pytest.raises(ConfigError, match="lambda is -0.1, expected 0 to 1"):
        refuse([clip], -0.1)
    with pytest.raises(ConfigError, match="window is 'clip'"):
        refuse([clip], 0.5, "clip")
    clip.parts = {}
    with pytest.raises(
        DataError, match="a: holds the parts .*, expected detector_scores and segment_scores"
    ):
        refuse([clip], 0.5)
    assert refuse([ClipResult("empty", 30.0)], 0.5)[0].candidates == []
