"""Front ends of pretrained networks, against references in plain numpy."""

import numpy as np
import pytest
import torch

from audiodet.config import get_cfg
from audiodet.data.front_ends import EfficientATFrontEnd, YAMNetFrontEnd, build_front_end
from audiodet.errors import ConfigError


def efficientat_reference(x: np.ndarray) -> np.ndarray:
    """EfficientAT's published formulas, frame by frame, in float64."""
    x = x.astype(np.float64)
    y = x[1:] - 0.97 * x[:-1]
    padded = np.pad(y, 512, mode="reflect")
    window = np.zeros(1024)
    window[112:912] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799)
    frames = range(1 + len(y) // 320)
    power = [np.abs(np.fft.rfft(padded[320 * t : 320 * t + 1024] * window)) ** 2 for t in frames]

    def mel(f):
        return 1127 * np.log(1 + f / 700)

    edges = np.linspace(mel(0.0), mel(15000.0), 130)
    bank = np.zeros((128, 513))
    for k in range(512):  # the last bin is unused
        m = mel(k * 32000 / 1024)
        for band in range(128):
            left, centre, right = edges[band : band + 3]
            bank[band, k] = max(
                0.0, min((m - left) / (centre - left), (right - m) / (right - centre))
            )
    return (np.log(bank @ np.array(power).T + 1e-5) + 4.5) / 5


def test_efficientat_is_the_published_front_end():
    rng = np.random.default_rng(0)
    x = (0.05 * rng.standard_normal(20000)).astype(np.float32)
    x[8000:12000] += 0.2 * np.sin(2 * np.pi * 1000 * np.arange(4000) / 32000).astype(np.float32)
    found = EfficientATFrontEnd(0.0)(torch.from_numpy(x)).numpy()
    expected = efficientat_reference(x)
    assert found.shape == expected.shape == (128, 63)
    assert np.abs(found - expected).max() < 1e-4


def yamnet_reference(x: np.ndarray) -> np.ndarray:
    """YAMNet's published formulas, frame by frame, in float64."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = range(1 + (len(x) - 400) // 160)
    magnitude = [np.abs(np.fft.rfft(x[160 * t : 160 * t + 400] * window, 512)) for t in frames]

    def mel(f):
        return 2595 * np.log10(1 + f / 700)

    edges = np.linspace(mel(125.0), mel(7500.0), 66)
    bank = np.zeros((64, 257))
    for k in range(1, 257):
        m = mel(k * 16000 / 512)
        for band in range(64):
            left, centre, right = edges[band : band + 3]
            bank[band, k] = max(
                0.0, min((m - left) / (centre - left), (right - m) / (right - centre))
            )
    return np.log(bank @ np.array(magnitude).T + 0.001)


def test_yamnet_is_the_published_front_end():
    rng = np.random.default_rng(0)
    x = 0.05 * rng.standard_normal(10000)
    x[4000:6000] += 0.2 * np.sin(2 * np.pi * 1000 * np.arange(2000) / 16000)
    found = YAMNetFrontEnd(0.0)(torch.from_numpy(x.astype(np.float32))).numpy()
    expected = yamnet_reference(x)
    assert found.shape == expected.shape == (64, 61)
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize("kind", [EfficientATFrontEnd, YAMNetFrontEnd])
def test_a_clips_level_does_not_matter(kind):
    x = 0.05 * torch.randn(2, 16000)
    front_end = kind(0.05)
    torch.testing.assert_close(front_end(x), front_end(x * 1e-3), atol=1e-4, rtol=0)
    assert torch.isfinite(front_end(torch.zeros(16000))).all()


@pytest.mark.parametrize("hop", [320, 80])
def test_an_empty_band_is_as_faint_noise_makes_it(hop):
    """As noise 40 dB under the clip that is drawn, not where the logarithm ends."""
    torch.manual_seed(0)
    tone = 0.05 * 2**0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(160000) / 32000)
    cfg = efficientat_config()
    cfg.INPUT.SPECTROGRAM.HOP = hop
    front_end = build_front_end(cfg)
    found = front_end(tone)[-40:]
    noisy = EfficientATFrontEnd(0.0, hop)(tone + 5e-4 * torch.randn(160000))[-40:]
    assert (found.mean(1) - noisy.mean(1)).abs().max() < 0.1  # the logarithm's mean is lower
    assert found.min() > EfficientATFrontEnd(0.0, hop)(tone)[-40:].max() + 0.1
    cfg.INPUT.FRONT_END = "efficientat_published"
    assert build_front_end(cfg)(tone).min() < found.min() - 0.1


def efficientat_config():
    cfg = get_cfg()
    cfg.merge_from_list(
        ["INPUT.FRONT_END", "efficientat", "INPUT.AUDIO.SAMPLE_RATE", 32000]
        + ["INPUT.SPECTROGRAM.N_FFT", 1024, "INPUT.SPECTROGRAM.HOP", 320]
        + ["INPUT.SPECTROGRAM.N_MELS", 128, "INPUT.SPECTROGRAM.F_MAX", 15000.0]
    )
    return cfg


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("INPUT.FRONT_END", "vggish", "INPUT.FRONT_END is 'vggish', expected 'log_mel'"),
        ("INPUT.AUDIO.SAMPLE_RATE", 44100, "SAMPLE_RATE is 44100, expected 32000"),
        ("INPUT.SPECTROGRAM.N_MELS", 64, "N_MELS is 64, expected 128"),
        ("INPUT.SPECTROGRAM.HOP", 640, "HOP is 640, expected 320 or less"),
    ],
)
def test_other_settings_are_refused(key, value, message):
    cfg = efficientat_config()
    assert isinstance(build_front_end(cfg), EfficientATFrontEnd)
    cfg.merge_from_list([key, value])
    with pytest.raises(ConfigError, match=message):
        build_front_end(cfg)
