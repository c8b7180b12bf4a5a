"""The verifier behind a detector: D = lambda alpha + (1 - lambda) beta."""

import pytest
import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError, WeightsError
from audiodet.modeling.hooks.fusion import VerifierFusion

LABELS = ["babycry", "gunshot"]
BANDS, FRAMES = 32, 420
FRONT_END = ["INPUT.SPECTROGRAM.N_MELS", BANDS, "DATASETS.LABELS", LABELS]


def config(name, *opts):
    opts = ["MODEL.DEVICE", "cpu", *FRONT_END, *opts]
    return load_config(f"configs/{name}.yaml", [str(x) for x in opts])


def save(folder, name, *opts):
    """An untrained verifier as training writes it."""
    torch.manual_seed(1)
    cfg = config(name, *opts)
    model = build_model(cfg)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=1.0)
    SEDCheckpointer(model, str(folder), cfg=cfg).save("model_final")
    return str(folder / "model_final.pth")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory):
    opts = ["MODEL.VERIFIER.POOLS", [8, 4]]
    return save(tmp_path_factory.mktemp("verifier"), "audiomask/verifier", *opts)


def hook(verifier, *opts):
    base = ["MODEL.FUSION.VERIFIER", verifier, "MODEL.FUSION.MIN_SCORE", 0.0]
    return VerifierFusion(config("rcrnn/rare", *base, *opts))


@pytest.fixture
def clips():
    torch.manual_seed(2)
    return [{"image": torch.randn(1, BANDS, FRAMES)} for _ in range(2)]


def detections(*scores):
    """Overlapping and separate boxes of both classes, best first."""
    found = Instances((BANDS, FRAMES))
    starts = torch.linspace(0, 360, len(scores))
    boxes = torch.zeros(len(scores), 4)
    boxes[:, 0], boxes[:, 2], boxes[:, 3] = starts, starts + 50, BANDS
    found.pred_boxes, found.scores = Boxes(boxes), torch.tensor(scores)
    found.pred_classes = torch.arange(len(scores)) % 2
    return found


RESULTS = (0.9, 0.8, 0.6, 0.5, 0.3, 0.1)


def test_lambda_0_is_exactly_the_detector(verifier, clips):
    before = [detections(*RESULTS), detections()]
    after = hook(verifier, "MODEL.FUSION.WEIGHT", 0.0)(clips, before)
    assert len(after[1]) == 0
    assert torch.equal(after[0].scores, before[0].scores)
    assert torch.equal(after[0].pred_boxes.tensor, before[0].pred_boxes.tensor)
    assert torch.equal(after[0].pred_classes, before[0].pred_classes)


@pytest.mark.parametrize("window", ["segment", "box"])
def test_lambda_1_is_the_verifiers_order(verifier, clips, window):
    fusion = hook(verifier, "MODEL.FUSION.WEIGHT", 1.0, "MODEL.FUSION.WINDOW", window)
    after, _ = fusion(clips, [detections(*RESULTS), detections(0.5)])
    assert torch.equal(after.scores, after.get(f"{window}_scores"))
    assert (after.scores.diff() <= 0).all()
    assert not torch.equal(after.detector_scores, after.detector_scores.sort(descending=True)[0])


def test_parts_by_hand(verifier, clips):
    """alpha of a region: its own class, over the segment about its centre and over its frames."""
    fusion = hook(verifier, "MODEL.FUSION.WEIGHT", 0.75)
    fused = fusion(clips, [detections(*RESULTS), detections(0.5)])[0]
    torch.testing.assert_close(
        fused.scores, 0.75 * fused.segment_scores + 0.25 * fused.detector_scores
    )
    for box, label, segment, inside in zip(
        fused.pred_boxes.tensor, fused.pred_classes, fused.segment_scores, fused.box_scores
    ):
        start = min(max(round(float(box[0] + box[2]) / 2 - 100), 0), FRAMES - 200)
        with torch.no_grad():
            frames = fusion.verifier.segment_scores(clips[:1], [torch.tensor([start])], 200)[0][
                0, :, label
            ]
        torch.testing.assert_close(segment, frames.mean())
        first, end = int(box[0]), int(box[2].ceil())
        torch.testing.assert_close(inside, frames[first - start : end - start].mean())


def test_weak_proposals_never_reach_the_verifier(verifier, clips, monkeypatch):
    fusion = hook(verifier, "MODEL.FUSION.MIN_SCORE", 0.6)
    seen = []
    plain = fusion.verifier.segment_scores
    monkeypatch.setattr(
        fusion.verifier,
        "segment_scores",
        lambda c, s, n: seen.extend(map(len, s)) or plain(c, s, n),
    )
    after = fusion(clips, [detections(*RESULTS), detections(0.59)])
    assert seen == [3, 0] and [len(x) for x in after] == [3, 0]


@pytest.mark.parametrize("detector", ["rcrnn/rare", "audiomask/R_18_FPN"])
def test_behind_either_detector(verifier, clips, detector):
    """Boxes come out in seconds, scores sorted; the verifier's weights are no part of the model."""
    opts = ["MODEL.FUSION.VERIFIER", verifier, "MODEL.POSTPROCESSORS", ["VerifierFusion"]]
    opts += ["MODEL.FUSION.MIN_SCORE", 0.0, "MODEL.BACKBONE.PRECISION", "float32"]
    torch.manual_seed(0)
    plain = build_model(config(detector, *opts[4:], "MODEL.POSTPROCESSORS", [])).eval()
    torch.manual_seed(0)
    fused = build_model(config(detector, *opts)).eval()
    assert set(plain.state_dict()) == set(fused.state_dict())
    described = [{**clip, "height": 1, "width": FRAMES * 0.023} for clip in clips]
    with torch.no_grad():
        before, after = plain(described), fused(described)
    for a, b in zip(before, after):
        a, b = a["instances"], b["instances"]
        assert len(a) == len(b) > 0 and (b.scores.diff() <= 0).all()
        torch.testing.assert_close(a.scores, b.detector_scores.sort(descending=True)[0])
        assert b.pred_boxes.tensor[:, 2].max() <= FRAMES * 0.023


def test_a_frame_level_tagger_verifies_too(tmp_path, clips):
    """Its steps of 8 frames become frames."""
    path = save(tmp_path, "rcrnn/frame_control", "MODEL.BACKBONE.PRECISION", "float32")
    fusion = hook(path)
    (fused, _) = fusion(clips, [detections(*RESULTS), detections(0.5)])
    with torch.no_grad():
        steps = fusion.verifier.step_scores(clips[:1])[0]
        frames = fusion.verifier.segment_scores(clips[:1], [torch.tensor([0, 220])], 200)[0]
    assert (
        frames.shape == (2, 200, 2)
        and ((0 <= fused.segment_scores) & (fused.segment_scores <= 1)).all()
    )
    # step i is centred on frame 8 i + 5: frames 8 i + 1 ... 8 i + 8
    assert torch.equal(frames[0, 1:9], steps[:1].expand(8, 2))
    assert torch.equal(frames[0, 9], steps[1])
    assert torch.equal(frames[1, -1], steps[min(len(steps) - 1, (419 - 1) // 8)])


@pytest.mark.parametrize(
    "opts, message",
    [
        (["MODEL.FUSION.WEIGHT", 1.5], r"WEIGHT \(lambda\) is 1.5, expected 0 to 1"),
        (["MODEL.FUSION.WINDOW", "clip"], "WINDOW is 'clip', expected one of segment, box"),
        (["MODEL.FUSION.VERIFIER", ""], "VERIFIER is empty"),
        (["INPUT.SPECTROGRAM.N_MELS", 64], r"N_MELS 32, expected the detector's 64"),
        (
            ["DATASETS.LABELS", ["babycry", "siren"]],
            r"knows \['babycry', 'gunshot'\], expected also the detector's \['siren'\]",
        ),
    ],
)
def test_bad_configuration(verifier, opts, message):
    with pytest.raises(ConfigError, match=message):
        hook(verifier, *opts)


def test_no_such_verifier(tmp_path):
    with pytest.raises(WeightsError, match="nowhere.pth: no such model or file"):
        hook(str(tmp_path / "nowhere.pth"))


def test_a_detector_is_no_verifier(tmp_path):
    path = save(tmp_path, "rcrnn/rare", "MODEL.BACKBONE.PRECISION", "float32")
    with pytest.raises(ConfigError, match="is a RCRNN, expected a FrameVerifier or a frame-level"):
        hook(path)
