"""From recordings, annotations and results to pictures."""

import numpy as np
import pytest
import soundfile as sf
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets import register_tsv
from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError, DataError
from audiodet.evaluation import ClipResult, Matching, SEDEvaluator
from audiodet.evaluation.clips import reference_clips
from audiodet.events import Event
from audiodet.inference.decisions import final_decisions
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.visualization import choose_clips, visualize_results
import clip_sources
from tests.tiny import ROOT, run_tool

CONFIG = str(ROOT / "configs" / "rcrnn" / "rare.yaml")
LABELS = ["babycry", "glassbreak", "gunshot"]
RATE = 44100
# A loud burst in each clip of 6 s: (onset, offset, label) in seconds; the last is silent.
BURSTS = [(2.0, 2.5, "babycry"), (4.0, 5.5, "glassbreak"), (0.5, 0.6, "gunshot"), None]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Name of a registered dataset of four short recordings."""
    folder = tmp_path_factory.mktemp("bursts")
    rng, lines = np.random.default_rng(0), ["filename\tonset\toffset\tevent_label"]
    for i, burst in enumerate(BURSTS):
        sound = rng.normal(0, 1e-4, 6 * RATE)
        if burst:
            inside = slice(int(burst[0] * RATE), int(burst[1] * RATE))
            sound[inside] += rng.normal(0, 0.1, inside.stop - inside.start)
        sf.write(folder / f"clip{i}.wav", sound, RATE)
        lines.append("\t".join([f"clip{i}.wav", *map(str, burst or ("", "", ""))]))
    (folder / "labels.tsv").write_text("\n".join(lines) + "\n")
    register_tsv("visual_bursts", str(folder / "labels.tsv"), str(folder), LABELS)
    yield "visual_bursts"
    DatasetCatalog.remove("visual_bursts")
    MetadataCatalog.remove("visual_bursts")


def config(*opts):
    return load_config(
        CONFIG, ["MODEL.BACKBONE.PRECISION", "float32", "DATALOADER.NUM_WORKERS", 0, *opts]
    )


def loud_seconds(cfg, log_mel) -> np.ndarray:
    """Times of frames that hear a burst."""
    hop = cfg.INPUT.SPECTROGRAM.HOP / cfg.INPUT.AUDIO.SAMPLE_RATE
    level = log_mel.mean(axis=0)
    return np.flatnonzero(level > level.min() + 5) * hop


def test_annotation_agrees_with_what_is_heard(dataset):
    cfg, seen = config(), 0
    for (_name, log_mel, shown), burst in zip(clip_sources.annotated(cfg, dataset), BURSTS):
        seen += 1
        if burst is None:
            assert shown["truth"] == []
            continue
        assert shown["truth"] == [Event(*burst)]
        loud = loud_seconds(cfg, log_mel)
        assert (loud.min(), loud.max()) == (
            pytest.approx(burst[0], abs=0.05),
            pytest.approx(burst[1], abs=0.05),
        )
    assert seen == 4


def test_dataloader_boxes_come_back_to_the_seconds_of_the_crop(dataset):
    """The label stands over the burst wherever the random crop put it."""
    opts = ["INPUT.CROP_AUDIO.SECONDS", 3.0, "INPUT.SPEC_AUGMENT.TIME_MASKS", 0]
    opts += ["SOLVER.IMS_PER_BATCH", 2, "INPUT.CROP_AUDIO.EVENT_FRACTION", 1.0]
    cfg = config(*opts, "INPUT.SPEC_AUGMENT.EQ_DB", 0.0, "INPUT.SPEC_AUGMENT.FREQ_MASKS", 0)
    found = []
    for _, (_, log_mel, shown) in zip(range(12), clip_sources.loaded(cfg, dataset)):
        assert log_mel.shape == (64, 130)  # 3 s
        for event in shown["truth"]:
            loud = loud_seconds(cfg, log_mel)
            assert event.onset == pytest.approx(loud.min(), abs=0.05)
            assert event.offset == pytest.approx(loud.max(), abs=0.05)
            found.append(event.onset)
    assert len(found) >= 6 and len(set(found)) >= 4


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    """An untrained R-CRNN, whose detections are noise."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "model.pth"
    torch.save({"model": Trainer.build_model(config()).state_dict()}, path)
    return str(path)


def test_model_source(dataset, weights):
    cfg = config("MODEL.WEIGHTS", weights, "TEST.THRESHOLDS", (0.0,))
    for (_, _log_mel, shown), burst in zip(clip_sources.detected(cfg, dataset, True), BURSTS):
        assert shown["truth"] == ([Event(*burst)] if burst else [])
        labels = [event.label for event in shown["detections"]]
        assert labels and len(set(labels)) == len(labels)  # the best event of each label
        assert all(0 <= e.onset < e.offset <= 6.0 for e in shown["detections"])
        assert 1 < len(shown["proposals"]) <= 100
        assert all(0 <= on < off <= 6.03 and 0 < p < 1 for on, off, p in shown["proposals"])
        assert max(off for _, off, _ in shown["proposals"]) > 4  # seconds, not cells
    with pytest.raises(ConfigError, match="MODEL.WEIGHTS is empty"):
        next(clip_sources.detected(config(), dataset))


def test_a_fused_model_shows_what_it_fused(dataset, weights, tmp_path):
    """Regions with D and beta, and the verifier's own curve under them."""
    opts = ["MODEL.META_ARCHITECTURE", "SequenceTagger", "MODEL.TAGGER.LOSS", "frame"]
    cfg = config(*opts)
    SEDCheckpointer(Trainer.build_model(cfg), str(tmp_path), cfg=cfg).save("verifier")
    hooks = ["MODEL.POSTPROCESSORS", ["BoxVoting", "VerifierFusion"], "MODEL.FUSION.MIN_SCORE", 0.0]
    hooks += ["MODEL.FUSION.VERIFIER", str(tmp_path / "verifier.pth")]
    cfg = config(*hooks, "MODEL.WEIGHTS", weights, "TEST.THRESHOLDS", (0.0,))
    _, _, shown = next(clip_sources.detected(cfg, dataset))
    assert 1 < len(shown["regions"]) <= 10 and set(shown["curves"]) == set(LABELS)
    best, beta = shown["regions"][0]
    assert best in shown["detections"] and 0 < beta < 1
    alpha = (best.score - 0.25 * beta) / 0.75
    assert 0 < alpha < 1
    seconds, values = shown["curves"][best.label]
    assert len(seconds) == len(values) and ((0 <= values) & (values <= 1)).all()


def test_tuned_thresholds_beside_the_weights_are_used(tmp_path):
    cfg = config()
    weights = str(tmp_path / "model.pth")
    assert final_decisions(cfg, weights)[0] == dict.fromkeys(LABELS, 0.8)
    (tmp_path / "thresholds.json").write_text('{"babycry": 0.1, "glassbreak": 0.2, "gunshot": 0.3}')
    assert final_decisions(cfg, weights)[0]["gunshot"] == 0.3


def test_score_curves_are_centred_on_their_steps():
    model = FrameClassifier(
        clip_input=None, num_classes=1, stride=8, offset=0.625, low=0.5, median_frames=0
    )
    clip = {"width": 20.0, "image": torch.zeros(1, 64, 200)}  # 0.1 s a frame
    scores = torch.tensor([[0.1], [0.7]])
    seconds, values = clip_sources.score_curves(model.step_seconds(2, clip), scores, ["a"])["a"]
    assert seconds == pytest.approx([0.5, 1.3]) and values == pytest.approx([0.1, 0.7])


def clip(name: str, label: str, *kinds: str) -> ClipResult:
    event, other = Event(1, 2, label, 0.9), Event(5, 6, label, 0.9)
    reference = [event] * ("hit" in kinds or "miss" in kinds)
    candidates = [event] * ("hit" in kinds) + [other] * ("false" in kinds)
    return ClipResult(name, 10, reference, candidates, label)


def test_a_mix_is_chosen():
    clips = [clip(f"hit{i}", "babycry", "hit") for i in range(9)]
    clips += [
        clip("missed", "babycry", "miss"),
        clip("empty", "babycry"),
        clip("both", "babycry", "hit", "false"),
    ]
    clips += [clip("other", "gunshot", "false"), clip("late", "gunshot", "miss", "false")]
    thresholds = {"babycry": 0.5, "gunshot": 0.5}
    chosen = choose_clips(clips, thresholds, False, Matching(), 6)
    assert [(kind, c.name) for kind, c in chosen] == [
        ("hit", "hit0"),
        ("miss", "missed"),
        ("false_alarm", "both"),
        ("miss", "late"),
        ("false_alarm", "other"),
        ("hit", "hit1"),
    ]
    assert len(choose_clips(clips, thresholds, False, Matching(), 100)) == 13


def test_results_become_pictures(dataset, tmp_path):
    cfg = config("TEST.THRESHOLDS", (0.5,), "TEST.BOOTSTRAP", 0)
    evaluator = SEDEvaluator(dataset, cfg, str(tmp_path / "scored"))
    candidates = [
        [Event(2.1, 2.6, "babycry", 0.9)],
        [],
        [Event(0.5, 0.6, "gunshot", 0.4)],
        [Event(1, 2, "babycry", 0.7)],
    ]
    outputs = [(events, {}) for events in candidates]  # and what their scores were made of
    evaluator._outputs = dict(zip(reference_clips(dataset, LABELS), outputs))
    evaluator.evaluate()
    paths = visualize_results(cfg, dataset, str(tmp_path / "scored"), str(tmp_path / "png"))
    names = {"hit_clip0.png", "miss_clip1.png", "miss_clip2.png", "false_alarm_clip3.png"}
    assert {path.name for path in paths} == names == {p.name for p in (tmp_path / "png").iterdir()}
    text = (tmp_path / "scored" / "clips.jsonl").read_text().replace("clip3.wav", "gone.wav")
    (tmp_path / "scored" / "clips.jsonl").write_text(text)
    with pytest.raises(DataError, match="clip gone.wav is not in dataset visual_bursts"):
        visualize_results(cfg, dataset, str(tmp_path / "scored"), str(tmp_path / "png"))


@pytest.mark.parametrize("source", ["annotation", "dataloader", "model"])
def test_tool_draws(source, dataset, weights, tmp_path, monkeypatch, capsys):
    arguments = ["--config-file", CONFIG, "--source", source, "--dataset", dataset, "--limit", 2]
    arguments += ["--output-dir", tmp_path / "out", *["--proposals"] * (source == "model")]
    opts = ("MODEL.WEIGHTS", weights, "DATALOADER.NUM_WORKERS", 0, "SOLVER.IMS_PER_BATCH", 1)
    assert run_tool(monkeypatch, *arguments, *opts, tool="visualize_data") == ""
    assert len(list((tmp_path / "out").glob("00[01]_clip?.png"))) == 2
    assert str(tmp_path / "out") in capsys.readouterr().out
