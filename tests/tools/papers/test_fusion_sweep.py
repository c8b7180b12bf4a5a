"""Lambda after the fact equals lambda in the network, without the network."""

import pytest

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError, DataError
from audiodet.evaluation import ClipResult, load_clips
from papers.fusion_sweep import fuse_anew, ranking, refuse, sweep
from audiodet.events import Event
from tests.tiny import tiny_config, train, write_tiny_data


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


def test_ranking_by_hand():
    """Of three events two are found; a false alarm lies between them: (1/1 + 2/3) / 3."""

    def clip(score, onset, true):
        events = [Event(onset, onset + 1, "gunshot", score), Event(9.0, 9.5, "gunshot", score / 2)]
        reference = [Event(true, true + 1, "gunshot")] if true else []
        return ClipResult("a", 30.0, reference, events, "gunshot")

    clips = [clip(0.9, 1.0, 1.4), clip(0.8, 1.0, None), clip(0.7, 4.0, 4.0), clip(0.1, 1.0, 9.0)]
    clips[3].candidates = []
    assert ranking(clips, ["gunshot"], 0.5) == pytest.approx(100 * (1 + 2 / 3) / 3)
    assert ranking(clips, ["gunshot", "babycry"], 0.5) == pytest.approx(50 * (1 + 2 / 3) / 3)


def test_a_verifier_hears_stored_regions_as_behind_the_detector(tmp_path):
    """A fused evaluation, and the verifier put behind the detector's own: the same clips."""
    data = write_tiny_data(tmp_path / "tiny_fusion")
    short = ("SOLVER.MAX_ITER", 1, "TEST.TUNE_THRESHOLDS", True)
    train(tiny_config(data, tmp_path / "a", *short, test=["test"]))
    tagger = ("SOLVER.MAX_ITER", 1, "MODEL.META_ARCHITECTURE", "SequenceTagger")
    train(tiny_config(data, tmp_path / "v", *tagger))
    hook = ("MODEL.POSTPROCESSORS", ["VerifierFusion"], "MODEL.FUSION.MIN_SCORE", 0.0)
    hook += ("MODEL.FUSION.VERIFIER", tmp_path / "v" / "model_final.pth")
    cfg = tiny_config(data, tmp_path / "b", *short, *hook, test=["test"])
    model = Trainer.build_model(cfg)
    SEDCheckpointer(model, cfg=cfg).load(str(tmp_path / "a" / "model_final.pth"))
    Trainer.test(cfg, model)
    (tmp_path / "fused.yaml").write_text(cfg.dump())
    new = fuse_anew(tmp_path / "a", f"{tmp_path}/fused.yaml", ["OUTPUT_DIR", f"{tmp_path}/new"])
    for file in ("validation.jsonl", "tiny_fusion_test/clips.jsonl"):
        ours, theirs = (load_clips(run / "inference" / file) for run in (new, tmp_path / "b"))
        assert len(ours) == len(theirs) == 3 and any(clip.candidates for clip in ours)
        for clip, other in zip(ours, theirs):
            for name, values in other.parts.items():  # stored times end with the clip, a frame not
                assert clip.parts[name] == pytest.approx(values, abs=1e-3)
    with pytest.raises(DataError, match="val0.wav: no clip of the run, expected its validation"):
        fuse_anew(tmp_path / "v", f"{tmp_path}/fused.yaml", ["OUTPUT_DIR", f"{tmp_path}/new"])


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
