"""What of a mixture is event and what is scene, bin by bin."""

import numpy as np
import pytest

from audiodet.config import get_cfg
from audiodet.data.datasets.standins import recipes_to_dicts
from audiodet.data.mixing.mask_truth import MixtureMels, binary_mask, mixture_mels, ratio_mask
from audiodet.data.mixing.remix import make_remix_recipes
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.data.spectrogram import LogMel
from audiodet.errors import DataError

LABELS = ("babycry", "glassbreak", "gunshot")


def test_masks_of_events_and_scene(synthetic_bank):
    """Before the first event and after the last nothing is event; under one it mostly is."""
    cfg = get_cfg()
    cfg.merge_from_file("configs/tfseg/Base-TFSeg.yaml")
    log_mel = LogMel.from_config(cfg)
    clips = load_soundbank(synthetic_bank).clips
    recipes = make_remix_recipes(clips, LABELS, 12, 0, ratio=10.0)
    clip = recipes_to_dicts(recipes, LABELS, synthetic_bank)[0]
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
