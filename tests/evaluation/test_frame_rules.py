"""Rules of frame scores: what is possible is found, and the model then decides as was promised."""

import numpy as np
import pytest
import torch
from detectron2.modeling import build_model

from audiodet.config import get_cfg
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import Matching, score_clips
from audiodet.evaluation.frame_rules import FrameRule, ScoredClip, as_settings, tune_rules
from audiodet.events import Event
from audiodet.modeling.instances import events_from_instances

LABELS = ("a", "b")
STEP = 0.1  # seconds
STRICT = Matching(0.2, True, 0.2)


def clip(events, heights, noise=0.0, steps=100, seed=0, gates=None):
    """A clip whose scores rise to a height during each event, over noise."""
    rng = np.random.default_rng(seed)
    scores = noise * rng.random((steps, len(LABELS)))
    for event, height in zip(events, heights):
        inside = slice(round(event.onset / STEP), round(event.offset / STEP))
        scores[inside, LABELS.index(event.label)] = height
    edges = np.arange(steps + 1) * STEP
    return ScoredClip(scores.astype(np.float32), gates, edges, list(events))


def clips_of(rules, clips):
    """Scored clips as the evaluator has them, decided by the rules."""
    found = []
    for number, one in enumerate(clips):
        events = []
        for k, label in enumerate(LABELS):
            events += rules[label].events(one, k, label)
        found.append(ClipResult(str(number), 10.0, one.reference, events))
    return found


def test_a_perfect_curve_below_a_half_is_perfect():
    """Peaks of .45 and of .03: a fixed lower threshold of .5 reports none of them."""
    events = [Event(1.0, 2.5, "a"), Event(4.0, 4.5, "a"), Event(3.0, 6.0, "b")]
    clips = [clip(events, (0.45, 0.4, 0.03), noise=0.01, seed=i) for i in range(3)]
    assert not FrameRule().events(clips[0], 0)
    for metric in ("F1", "ER", "frame F1"):
        rules = tune_rules(clips, LABELS, metric, STRICT)
        thresholds = {label: rule.high for label, rule in rules.items()}
        scored = score_clips(clips_of(rules, clips), LABELS, thresholds, matching=STRICT)
        assert scored.mean["F1"] == 100 and scored.mean["ER"] == 0


def test_what_is_promised_is_what_is_scored():
    """Noisy scores: F1 and ER of the chosen rule, counted again by sed_eval, at its threshold."""
    rng = np.random.default_rng(1)
    clips = []
    for seed in range(6):
        events = [Event(1.0 + seed / 10, 3.0, "a"), Event(6.0, 6.4, "a"), Event(5.0, 8.0, "b")]
        clips.append(clip(events, rng.random(3), noise=0.5, seed=seed))
    from audiodet.evaluation.frame_rules import _LabelTuner

    for metric, sign in (("F1", 0.01), ("ER", -1)):
        rules = tune_rules(clips, LABELS, metric, STRICT)
        thresholds = {label: rule.high for label, rule in rules.items()}
        scored = score_clips(clips_of(rules, clips), LABELS, thresholds, matching=STRICT)
        for k, label in enumerate(LABELS):
            promised, high = _LabelTuner(clips, k, label, metric, STRICT, 0).judge(rules[label])
            assert high == rules[label].high
            value = scored.per_label[label][metric]
            assert promised == pytest.approx(sign * value)


def test_a_gate_silences_clips_without_the_label():
    """Frames sound alike in both clips, only the clip scores tell them apart."""
    event = Event(2.0, 4.0, "a")
    other = Event(2.0, 4.0, "b")
    there = clip([event, other], (0.3, 0.3), gates=np.array([0.62, 0.9]))
    absent = clip([event, other], (0.3, 0.3), gates=np.array([0.55, 0.9]))
    absent.reference.remove(event)
    rules = tune_rules([there, absent], LABELS, "F1", STRICT)
    assert 0.55 <= rules["a"].gate < 0.62
    assert rules["a"].events(there, 0) and not rules["a"].events(absent, 0)


def test_a_label_without_events_keeps_its_thresholds(caplog):
    rules = tune_rules([clip([Event(1.0, 2.0, "a")], (0.4,))], LABELS, "F1")
    assert rules["b"] == FrameRule() and "no validation event of 'b'" in caplog.text
    with pytest.raises(ConfigError, match="TEST.TUNE_METRIC is 'AP', expected one of ER, F1"):
        tune_rules([], LABELS, "AP")


def test_the_model_decides_by_the_settings():
    """A model's events equal the rules', label by label: filter, thresholds, gaps, lengths."""
    opts = ["MODEL.DEVICE", "cpu", "DATASETS.LABELS", "('a', 'b')", "INPUT.SPECTROGRAM.HOP", "4410"]
    opts += ["MODEL.FRAME_STACK.MAPS", "2", "MODEL.FRAME_STACK.RNN_UNITS", "2"]
    cfg = load_config("configs/crnn/poly_mini.yaml", opts)
    model = build_model(cfg).eval()
    rules = {
        "a": FrameRule(median=3, low=0.2, gap=2, length=1, high=0.4),
        "b": FrameRule(median=0, low=0.05, gap=0, length=0, high=0.3),
    }
    cfg.defrost()
    for key, values in as_settings(rules, STEP, gated=False).items():
        cfg.merge_from_list([key, values])
    model.decide_by(cfg)
    scored = clip([], (), noise=0.6)
    found = model.inference(torch.from_numpy(scored.scores), {"image": torch.zeros(1, 40, 100)})
    instances = found["instances"]
    instances.pred_boxes.scale(STEP, 1)
    events = events_from_instances(instances, list(LABELS), 10.0)
    for k, label in enumerate(LABELS):
        own = sorted((e.onset, e.offset, e.score) for e in events if e.label == label)
        wanted = sorted((e.onset, e.offset, e.score) for e in rules[label].events(scored, k))
        assert len(own) == len(wanted) > 2
        np.testing.assert_allclose(own, wanted, rtol=1e-5)


def test_numbers_for_each_label():
    cfg = get_cfg()
    cfg.merge_from_file("configs/crnn/poly_mini.yaml")
    cfg.MODEL.DEVICE = "cpu"
    cfg.MODEL.TAGGER.LOW_THRESHOLDS = (0.1, 0.2)
    with pytest.raises(ConfigError, match="LOW_THRESHOLDS has 2 numbers, expected 0 or 8"):
        build_model(cfg)
