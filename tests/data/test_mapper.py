"""Dataset dict -> model input: seconds become frames and come back, crops and draws."""

import copy

import numpy as np
import pytest
import soundfile as sf
import torch
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import BoxMode, Instances

from audiodet.config import get_cfg
from audiodet.data import mapper as mapper_module
from audiodet.data.datasets.rare_mini import load_rare_quick
from audiodet.data.mapper import SEDMapper
from audiodet.data.mixing.rendering import render
from audiodet.data.spectrogram import LogMel
from audiodet.errors import AudioError

RATE, N_FFT, HOP = 16000, 512, 256
FRAME = HOP / RATE  # seconds


def config(**changes):
    """16 kHz, 32 ms windows, 16 ms hop, two labels; ``changes`` as INPUT__KEY=value."""
    cfg = get_cfg()
    cfg.INPUT.AUDIO.SAMPLE_RATE = RATE
    cfg.INPUT.SPECTROGRAM.N_FFT, cfg.INPUT.SPECTROGRAM.HOP = N_FFT, HOP
    cfg.DATASETS.LABELS = ("burst", "tone")
    for key, value in changes.items():
        cfg.merge_from_list([f"INPUT.{key.replace('__', '.')}", value])
    return cfg


AUGMENTED = {
    "SPEC_AUGMENT__TIME_MASKS": 2,
    "SPEC_AUGMENT__FREQ_MASKS": 1,
    "SPEC_AUGMENT__GAIN_DB": 6.0,
    "SPEC_AUGMENT__EQ_DB": 3.0,
}


def clip_dict(duration, events, **more) -> dict:
    """Dataset dict with events [(onset, offset, category), ...] in seconds."""
    annotations = [
        {"bbox": [on, 0.0, off, 1.0], "bbox_mode": BoxMode.XYXY_ABS, "category_id": k, "iscrowd": 0}
        for on, off, k in events
    ]
    clip = {"file_name": "memory", "image_id": 5, "height": 1, "width": duration}
    return {**clip, "annotations": annotations, "label_kind": "strong", **more}


class MemoryMapper(SEDMapper):
    """Takes the samples from the dataset dict."""

    def waveform(self, clip):
        return clip["samples"]


def random_clip(rng, samples, events=3) -> dict:
    """Noise of a number of samples and random events, the last one up to the clip's end."""
    duration = samples / RATE
    edges = np.sort(rng.uniform(0, duration, (events, 2)))
    edges[-1, 1] = duration
    found = [(on, off, int(rng.integers(2))) for on, off in edges.tolist()]
    noise = rng.normal(0, 0.1, samples).astype(np.float32)
    return clip_dict(duration, found, samples=noise)


@pytest.mark.parametrize("samples", [512, 513, 767, 768, 769, 16000, 16001, 31999, 65521])
def test_seconds_to_frames_and_back_is_the_identity(samples):
    clip = random_clip(np.random.default_rng(samples), samples)
    out = MemoryMapper(config(), is_train=False)(clip)
    frames = 1 + samples // HOP
    assert out["image"].shape == (1, 64, frames) and out["image"].dtype == torch.float32
    assert out["duration"] == samples / RATE
    assert out["duration"] < out["width"] <= out["duration"] + FRAME and out["height"] == 1
    truth = out["instances"]
    assert truth.image_size == (64, frames)
    boxes = truth.gt_boxes.tensor
    assert (boxes[:, 1] == 0).all() and (boxes[:, 3] == 64).all()
    oracle = Instances(truth.image_size, pred_boxes=truth.gt_boxes, scores=torch.ones(len(truth)))
    back = detector_postprocess(oracle, out["height"], out["width"]).pred_boxes.tensor
    expected = [a["bbox"] for a in clip["annotations"]]
    np.testing.assert_allclose(back, expected, rtol=0, atol=1e-6)
    assert truth.gt_classes.tolist() == [a["category_id"] for a in clip["annotations"]]


def test_shifted_audio_shifts_the_events():
    """A click anywhere: its box lies about it, in exact frames and where the power is."""
    rng, mapper = np.random.default_rng(0), MemoryMapper(config(), is_train=False)
    for centre in rng.uniform(0.1, 1.9, 200):
        times = np.arange(2 * RATE) / RATE
        click = np.exp(-(((times - centre) / 0.004) ** 2)) * rng.normal(0, 1, len(times))
        clip = clip_dict(2.0, [(centre - 0.05, centre + 0.05, 0)], samples=click.astype(np.float32))
        out = mapper(clip)
        start, _, end, _ = out["instances"].gt_boxes.tensor[0].tolist()
        assert (start, end) == pytest.approx(
            ((centre - 0.05) / FRAME, (centre + 0.05) / FRAME), abs=1e-4
        )
        power = out["image"][0].double().exp().sum(0)
        where = (power * torch.arange(len(power))).sum() / power.sum()
        assert abs(where.item() - (start + end) / 2) < 0.4


def test_crop_keeps_what_is_at_least_half_inside(monkeypatch):
    """Half of the event, or of the crop when the event is longer: 100 crops of 0.5 s."""
    rng, wanted = np.random.default_rng(1), round(0.5 / FRAME)
    mapper = MemoryMapper(config(CROP_AUDIO__SECONDS=0.5), is_train=True)
    whole = MemoryMapper(config(), is_train=False)
    counts = []
    for _ in range(100):
        clip = random_clip(rng, 2 * RATE, events=4)
        chosen = float(rng.uniform(0, 1.5))
        monkeypatch.setattr(mapper_module, "choose_crop", lambda *args, start=chosen: start)
        out, first = mapper(clip), int(chosen / FRAME)
        assert torch.equal(
            out["image"], whole(clip)["image"][..., first : first + wanted].contiguous()
        )
        expected, low, high = [], first * FRAME, (first + wanted) * FRAME
        for annotation in clip["annotations"]:
            onset, _, offset, _ = annotation["bbox"]
            inside = min(offset, high) - max(onset, low)
            if inside >= 0.5 * min(offset - onset, high - low):
                ends = (max(onset, low) - low, min(offset, high) - low)
                expected.append([end / FRAME for end in ends])
        found = out["instances"].gt_boxes.tensor[:, [0, 2]]
        np.testing.assert_allclose(found, np.reshape(expected, (-1, 2)), rtol=0, atol=1e-3)
        labels = set(out["instances"].gt_classes.tolist())
        assert out["clip_labels"].tolist() == [float(0 in labels), float(1 in labels)]
        assert out["width"] == pytest.approx(wanted * FRAME)
        counts.append(len(expected))
    assert {0, 1, 2, 3} <= set(counts)


@pytest.mark.parametrize("fraction, kept", [(0.0, 2), (0.5, 1), (1.0, 0)])
def test_fraction_of_an_event_that_keeps_it(fraction, kept, monkeypatch):
    """0.8 s and 0.2 s of two 1-s events lie in the crop [1.2, 2.2), of a third nothing."""
    monkeypatch.setattr(mapper_module, "choose_crop", lambda *args: 1.2)
    opts = {"CROP_AUDIO__SECONDS": 1.0, "CROP_AUDIO__MIN_EVENT_FRACTION": fraction}
    clip = random_clip(np.random.default_rng(0), 4 * RATE)
    clip["annotations"] = clip_dict(4.0, [(1.0, 2.0, 0), (2.0, 3.0, 1), (3.0, 3.5, 1)])[
        "annotations"
    ]
    assert len(MemoryMapper(config(**opts), is_train=True)(clip)["instances"]) == kept


def test_short_clip_is_not_cropped():
    clip = random_clip(np.random.default_rng(0), RATE)
    cropped = MemoryMapper(config(CROP_AUDIO__SECONDS=3.0), is_train=True)(clip)
    whole = MemoryMapper(config(), is_train=False)(clip)
    assert torch.equal(cropped["image"], whole["image"])
    assert len(cropped["instances"]) == 3


def test_a_draw_is_repeated_exactly():
    """One number, one crop and one augmentation, whatever was drawn before."""
    opts = {"CROP_AUDIO__SECONDS": 0.5, **AUGMENTED}
    clip = random_clip(np.random.default_rng(2), 2 * RATE)
    one, other = (MemoryMapper(config(**opts), is_train=True) for _ in range(2))
    first = [one({**clip, "draw": number}) for number in range(5)]
    np.random.seed(7)
    again = [other({**clip, "draw": number}) for number in reversed(range(5))][::-1]
    for a, b in zip(first, again):
        assert torch.equal(a["image"], b["image"])
        assert torch.equal(a["instances"].gt_boxes.tensor, b["instances"].gt_boxes.tensor)
    assert all(not torch.equal(a["image"], b["image"]) for a, b in zip(first, first[1:]))
    cfg = config(**opts)
    cfg.SEED = 1
    assert not torch.equal(MemoryMapper(cfg, True)({**clip, "draw": 0})["image"], first[0]["image"])


def test_augmentation_and_crop_are_training_only():
    clip = random_clip(np.random.default_rng(3), 2 * RATE)
    cfg = config(CROP_AUDIO__SECONDS=0.5, **AUGMENTED)
    plain = LogMel.from_config(cfg)(torch.from_numpy(clip["samples"]))
    assert torch.equal(MemoryMapper(cfg, is_train=False)(clip)["image"][0], plain)
    cfg = config(**AUGMENTED)
    changed = MemoryMapper(cfg, is_train=True)(clip)["image"][0]
    assert changed.shape == plain.shape and not torch.allclose(changed, plain)


def test_validation_crops_are_each_clips_own_and_not_augmented():
    cfg = config(CROP_AUDIO__SECONDS=0.5, **AUGMENTED)
    clip = random_clip(np.random.default_rng(3), 2 * RATE)
    plain = LogMel.from_config(cfg)(torch.from_numpy(clip["samples"]))
    mapper = MemoryMapper(cfg, is_train=False, crop=True)
    first, again = mapper(clip)["image"][0], mapper(clip)["image"][0]
    frames = first.shape[1]
    assert torch.equal(first, again) and frames == round(0.5 / FRAME)
    places = [
        i
        for i in range(plain.shape[1] - frames + 1)
        if torch.equal(plain[:, i : i + frames], first)
    ]
    others = [mapper({**clip, "image_id": i})["image"][0] for i in range(8)]
    assert places and any(not torch.equal(first, other) for other in others)


def test_input_is_left_alone():
    clip = random_clip(np.random.default_rng(4), RATE)
    before = copy.deepcopy(clip)
    MemoryMapper(config(CROP_AUDIO__SECONDS=0.5, **AUGMENTED), is_train=True)(clip)
    assert clip["annotations"] == before["annotations"] and clip.keys() == before.keys()
    assert np.array_equal(clip["samples"], before["samples"])


@pytest.mark.parametrize(
    "more, labels",
    [
        ({"annotations": []}, [0, 0]),
        ({"label_kind": "weak", "clip_labels": [1], "annotations": []}, [0, 1]),
        ({"label_kind": "weak", "clip_labels": [0, 1]}, [1, 1]),
        ({"label_kind": "weak", "clip_labels": [], "annotations": []}, [0, 0]),
    ],
)
def test_clip_labels_and_clips_without_events(more, labels):
    clip = {**random_clip(np.random.default_rng(5), RATE), **more}
    if not more.get("annotations", True) and "clip_labels" in more:
        del clip["annotations"]  # a weak clip may have none at all
    out = MemoryMapper(config(), is_train=False)(clip)
    assert out["clip_labels"].tolist() == labels
    if not clip.get("annotations"):
        truth = out["instances"]
        assert truth.gt_boxes.tensor.shape == (0, 4) and truth.gt_classes.shape == (0,)
        assert truth.gt_classes.dtype == torch.int64


def test_shorter_than_one_window(tmp_path):
    path = str(tmp_path / "short.wav")
    sf.write(path, np.zeros(1535), 48000)  # 512 samples at 16 kHz
    mapper = SEDMapper(config(), is_train=False)
    clip = clip_dict(1535 / 48000, [], file_name=path)
    assert mapper(clip)["image"].shape[-1] == 3
    sf.write(path, np.zeros(1532), 48000)
    with pytest.raises(AudioError) as error:
        mapper(clip)
    assert str(error.value) == (
        f"{path}: 511 samples at 16000 Hz, expected at least 512 (one analysis window)"
    )


@pytest.mark.parametrize("cached", [False, True])
def test_recipe_is_rendered_on_the_fly(cached, synthetic_bank, tmp_path):
    clip = load_rare_quick("rare_quick_train", synthetic_bank)[0]
    cfg = config(CACHE_DIR=str(tmp_path / "cache") if cached else "")
    cfg.DATASETS.LABELS = ("babycry", "glassbreak", "gunshot")
    samples = torch.from_numpy(render(clip["recipe"], synthetic_bank, RATE))
    expected = LogMel.from_config(cfg)(samples)
    mapper = SEDMapper(cfg, is_train=False)
    for _ in range(2):
        assert torch.equal(mapper(clip)["image"][0], expected)
    assert len(list(tmp_path.glob("cache/*/*.npy"))) == cached
