"""AudioSet's classes with times, from the published network as it is."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiodet.audio.io import read_audio
from audiodet.config.loading import load_config
from audiodet.errors import ConfigError, WeightsError
from audiodet.inference.detector import Detector
from audiodet.inference.loading import load_model
from audiodet.modeling import build_model

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "pretrained" / "mn04_as_mAP_432.pt"
CONFIG = "configs/pretrained/audioset.yaml"
# Label of the bank -> AudioSet's classes of such sounds.
EXPECTED = {
    "babycry": {"Baby cry, infant cry", "Crying, sobbing"},
    "gunshot": {"Gunshot, gunfire", "Machine gun", "Explosion", "Artillery fire", "Burst, pop"},
}


def test_events_lie_where_the_sound_is(soundbank, tmp_path):
    """Cries and shots, each alone in ten seconds of faint noise, four clips of either class."""
    if not PUBLISHED.is_file():
        pytest.skip(f"the published weights are not at {PUBLISHED}")
    model = load_model(config_file=CONFIG, weights=str(PUBLISHED), device="cpu")
    detector = Detector(model, thresholds=0.1)
    assert len(detector.labels) == 527
    rng = np.random.default_rng(0)
    for label, expected in EXPECTED.items():
        found = outside = 0
        for path in sorted((Path(soundbank) / "events" / label).glob("*.flac"))[::13]:
            sound = read_audio(str(path), 32000)[:96000]
            samples = 1e-3 * rng.standard_normal(320000).astype(np.float32)
            samples[128000 : 128000 + len(sound)] += sound
            soundfile.write(tmp_path / "clip.wav", samples, 32000)
            events = [e for e in detector.detect(str(tmp_path / "clip.wav")) if e.label in expected]
            end = 4.0 + len(sound) / 32000
            inside = [event for event in events if 3.0 < event.onset < end]
            found += bool(inside)
            outside += len(events) - len(inside)
        assert found >= 2 and outside < found, (label, found, outside)


def test_another_file_or_number_of_labels_is_refused(tmp_path):
    for name in ("other.pt", "yamnet.tflite"):
        other = tmp_path / name
        other.write_bytes(b"no weights")
        with pytest.raises(WeightsError, match=f"{name}: has sha256 \\w+, expected 899a8c62"):
            load_model(config_file=CONFIG, weights=str(other), device="cpu")
    cfg = load_config(CONFIG, ["DATASETS.LABELS", "['cry', 'shot']", "MODEL.DEVICE", "cpu"])
    with pytest.raises(ConfigError, match="has 2 labels, AudioSetTagger expects the 527"):
        build_model(cfg)
