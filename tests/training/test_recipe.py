"""The recipe follows from the events."""

from collections import Counter

import numpy as np
import pytest

from audiodet.config.loading import load_config
from audiodet.model_zoo import get_config_file
from audiodet.training.recipe import choose_recipe
from audiodet.training.survey import Survey


def facts(lengths, kind="strong", touching=0.0, rate=44100) -> Survey:
    durations = {"train": {"a.wav": 60.0}}
    counts = {"train": Counter(a=len(lengths))}
    return Survey(kind, ("a",), counts, durations, np.sort(lengths), touching, rate, {})


def loaded(recipe):
    pairs = []
    for key, value in recipe.settings.items():
        pairs += [key, str(value)]
    return load_config(get_config_file(recipe.config), pairs)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 384000])
def test_short_events_get_a_hop_that_sees_them(rate):
    """A short event has ten frames, and the window is longer than two hops."""
    recipe = choose_recipe(facts([0.05, 0.08, 0.09], rate=rate))
    cfg = loaded(recipe)
    hop = cfg.INPUT.SPECTROGRAM.HOP / cfg.INPUT.AUDIO.SAMPLE_RATE
    assert recipe.name == "fine" and 0.004 < hop < 0.006
    assert cfg.INPUT.SPECTROGRAM.N_FFT > 2 * cfg.INPUT.SPECTROGRAM.HOP
    assert cfg.INPUT.AUDIO.SAMPLE_RATE == {44100: 32000}.get(rate, rate)
    assert cfg.TEST.COLLAR == 0.05


def test_long_events_get_the_network_that_has_heard_audioset():
    recipe = choose_recipe(facts([0.4, 1.0, 3.0]))
    cfg = loaded(recipe)
    assert recipe.name == "pretrained" and cfg.MODEL.BACKBONE.INIT_WEIGHTS == "audiodet_rare"
    assert cfg.TEST.COLLAR == 0.5


def test_long_events_that_touch_are_kept_apart():
    recipe = choose_recipe(facts([0.4, 1.0, 3.0], touching=0.1))
    assert recipe.name == "fine" and loaded(recipe).MODEL.TAGGER.SHRINK_STEPS == 1
    assert any("10 % of the events follow one" in reason for reason in recipe.reasons)
    crop = loaded(recipe).INPUT.CROP_AUDIO.SECONDS
    assert crop >= 3.0  # the longest event fits


def test_weak_labels_say_that_times_are_a_guess():
    recipe = choose_recipe(facts([], kind="weak"))
    assert recipe.name == "weak" and "guess" in recipe.reasons[0]
    assert loaded(recipe).MODEL.TAGGER.LOSS == "clip"
