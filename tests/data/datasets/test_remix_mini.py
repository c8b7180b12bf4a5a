"""remix-mini: places and levels of the events, weak training clips, disjoint sources; mask truth."""

import numpy as np
import pytest
from detectron2.data import DatasetCatalog

from audiodet.config import get_cfg
from audiodet.data.datasets import remix_mini
from audiodet.data.datasets.remix_mini import REMIX_LABELS, load_remix_mini, remix_mini_hash
from audiodet.data.mixing.mask_truth import MixtureMels, binary_mask, mixture_mels, ratio_mask
from audiodet.data.mixing.recipes import recipe_annotations, recipes_to_dicts
from audiodet.data.mixing.remix import make_remix_recipes
from audiodet.data.mixing.rendering import _load, render, render_apart, render_parts
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.data.spectrogram import LogMel
from audiodet.errors import DataError

# The fixed test set on the bank of real recordings; a change voids every reported figure.
TEST_HASH = "95a8d92c88ae"
LABELS = ("babycry", "glassbreak", "gunshot")
RATE = 32000


@pytest.fixture(scope="module")
def recipes(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    return make_remix_recipes(clips, LABELS, 12, 0, ratio=10.0)


def rms(samples):
    return np.sqrt(np.mean(np.square(samples, dtype=np.float64)))


def test_three_events_one_after_another(recipes):
    labels = []
    for recipe in recipes:
        events = recipe_annotations(recipe)
        assert [onset for onset, _, _ in events] == [0.5, 3.0, 5.5]
        assert all(0 < offset - onset <= 2.0 for onset, offset, _ in events)
        labels += [label for *_, label in events]
    assert [labels.count(label) for label in LABELS] == [12, 12, 12]


def test_the_ratio_is_of_the_whole_event_to_the_whole_scene(recipes, synthetic_bank):
    for recipe in recipes[:4]:
        parts = render_parts(recipe, synthetic_bank, RATE)
        for event, sound in zip(recipe["more_events"], parts.events):
            begin, end = (round(t * RATE) for t in event["level_seconds"])
            whole = (
                _load(synthetic_bank, event["event_path"], RATE)[begin:end] * sound.scaling_factor
            )
            assert 20 * np.log10(rms(whole) / rms(parts.background)) == pytest.approx(
                10.0, abs=1e-3
            )
            np.testing.assert_allclose(sound.samples, whole[: len(sound.samples)], rtol=1e-5)


def test_other_ratios_differ_in_level_only(recipes, synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    others = make_remix_recipes(clips, LABELS, 12, 0, ratio=0.0)
    for recipe, other in zip(recipes, others):
        assert {e.pop("ebr") for e in [dict(e) for e in recipe["more_events"]]} == {10.0}
        strip = [[{**e, "ebr": None} for e in r["more_events"]] for r in (recipe, other)]
        assert strip[0] == strip[1] and recipe["bg_path"] == other["bg_path"]


def test_events_and_scene_add_up_to_the_mixture(recipes, synthetic_bank):
    """Gain, noise floor, distractors and peak limit included."""
    loud = {**recipes[1], "gain_db": 40.0, "distractors": recipes[2]["more_events"]}
    for recipe in (recipes[0], loud):
        events, scene = render_apart(recipe, synthetic_bank, RATE)
        mixture = render(recipe, synthetic_bank, RATE)
        np.testing.assert_allclose(events + scene, mixture, atol=1e-6)
        assert not events[: round(0.5 * RATE)].any() and np.abs(events).max() > 0
    assert np.abs(mixture).max() == pytest.approx(0.999)
    assert not np.array_equal(scene[-RATE:], events[-RATE:]) and scene[-RATE:].all()  # noise


def test_masks_of_events_and_scene(recipes, synthetic_bank):
    """Before the first event and behind the last nothing is event; under one it mostly is."""
    cfg = get_cfg()
    cfg.merge_from_file("configs/tfseg/Base-TFSeg.yaml")
    log_mel = LogMel.from_config(cfg)
    (clip, *_) = recipes_to_dicts(recipes[:1], LABELS, synthetic_bank)
    parts = mixture_mels(clip, log_mel)
    assert parts.events.shape == parts.scene.shape == (64, 311)
    binary, ratio = binary_mask(parts), ratio_mask(parts)
    onset, offset = (round(clip["annotations"][0]["bbox"][i] / 0.032) for i in (0, 2))
    assert not binary[:, : onset - 2].any() and not ratio[:, : onset - 2].any()
    assert not binary[:, 250:].any()
    assert binary[:, onset + 1 : offset - 1].mean() > 0.1
    # -5 dB of the magnitudes is a ratio of 0.3599
    assert np.mean(binary == (ratio > 0.35994)) > 0.9999


def test_masks_by_hand():
    parts = MixtureMels(np.array([[1.0, 0.5, 3.0, 0.0]]), np.array([[1.0, 1.0, 1.0, 0.0]]))
    assert binary_mask(parts).tolist() == [[True, False, True, False]]
    np.testing.assert_allclose(ratio_mask(parts), [[0.5, 1 / 3, 0.75, 0.0]])
    power = MixtureMels(*(part**2 for part in parts))
    assert binary_mask(power, 2).tolist() == binary_mask(parts).tolist()
    np.testing.assert_allclose(ratio_mask(power, 2), ratio_mask(parts))


def test_a_recording_has_no_mask_truth():
    with pytest.raises(DataError, match="a.wav: events and scene are not known apart"):
        mixture_mels({"file_name": "a.wav"}, LogMel(32000, 2048, 1024, 64))


def test_a_bank_without_the_classes(synthetic_bank):
    with pytest.raises(
        DataError, match="no sounds of cat_meow, clock_tick, dog_bark, rooster, sneeze"
    ):
        load_remix_mini("remix_mini_0db_fold0_test", synthetic_bank)
    with pytest.raises(
        DataError, match="remix_mini_5db: no such dataset, expected one of remix_mini_20"
    ):
        load_remix_mini("remix_mini_5db", synthetic_bank)


def test_sources_are_disjoint_and_the_test_set_is_fixed(soundbank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", soundbank)
    groups = {clip.path: clip.split_group for clip in load_soundbank(soundbank).clips}
    tested = []
    for fold in range(4):
        used = {}
        for split in ("train", "test"):
            clips = DatasetCatalog.get(f"remix_mini_0db_fold{fold}_{split}")
            assert len(clips) == remix_mini.CLIPS[split]
            recipes = [clip["recipe"] for clip in clips]
            layers = recipes + [r["bg_overlay"] for r in recipes if r["bg_overlay"]]
            paths = {e["event_path"] for r in recipes for e in r["more_events"]}
            paths |= {p for layer in layers for p in [layer["bg_path"], *layer["bg_chain"]]}
            used[split] = {groups[path] for path in paths}
            if split == "train":
                assert all(c["label_kind"] == "weak" and not c["annotations"] for c in clips)
                assert {k for c in clips for k in c["clip_labels"]} == set(range(len(REMIX_LABELS)))
            else:
                assert all(len(c["annotations"]) == 3 for c in clips)
        assert not used["train"] & used["test"]
        tested.append(used["test"])
    assert not set.intersection(*tested)
    assert remix_mini_hash("remix_mini_0db_fold0_test") == TEST_HASH
