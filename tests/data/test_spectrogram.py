"""Log-mel against librosa; normalisation against numpy."""

import librosa
import numpy as np
import pytest
import scipy.signal
import torch

from audiodet.audio.mel import mel_filters
from audiodet.data.spectrogram import LogMel, SpectrogramNormalizer
from audiodet.errors import ConfigError

FRONT_ENDS = {
    "R-CRNN": (44100, 2048, 1014, 64),
    "AudioMask": (44100, 2048, 1014, 128),
    "CRNN": (44100, 1764, 882, 40),
    "CRNN, CHiME-Home": (16000, 640, 320, 40),
}


@pytest.fixture(scope="module")
def clip():
    """3 s of a chirp with bursts of noise and a stretch of silence."""
    rng = np.random.default_rng(0)
    wave = librosa.chirp(fmin=100, fmax=15000, sr=44100, duration=3.0).astype(np.float32) * 0.3
    wave[20000:30000] += rng.normal(0, 0.1, 10000).astype(np.float32)
    wave[60000:70000] = 0
    return wave


@pytest.mark.parametrize("front_end", FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_equals_librosa(clip, front_end):
    rate, n_fft, hop, n_mels = front_end
    expected = librosa.feature.melspectrogram(
        y=clip, sr=rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels
    )
    module = LogMel(*front_end)
    power = module.mel_power(torch.from_numpy(clip)).numpy()
    assert power.shape == expected.shape == (n_mels, 1 + len(clip) // hop)
    # Relative to each value, above the rounding of float32 at the frame's own level.
    assert np.all(np.abs(power - expected) <= 1e-4 * expected + 2e-7 * expected.max(axis=0))
    log, audible = module(torch.from_numpy(clip)).numpy(), expected > 1e-6 * expected.max(axis=0)
    np.testing.assert_allclose(log[audible], np.log(expected[audible]), atol=2e-4)
    assert np.all(log[expected == 0] == np.log(np.float32(1e-10)))


@pytest.mark.parametrize("edges", [(0.0, 22050.0), (50.0, 14000.0)])
def test_filters_equal_librosas(edges):
    ours = mel_filters(44100, 2048, 128, *edges)
    theirs = librosa.filters.mel(sr=44100, n_fft=2048, n_mels=128, fmin=edges[0], fmax=edges[1])
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_batch_equals_one_by_one(clip):
    module = LogMel(44100, 2048, 1014, 64)
    two = torch.from_numpy(np.stack([clip, clip[::-1].copy()]))
    together = module(two)
    assert together.shape[0] == 2
    for wave, log_mel in zip(two, together):
        torch.testing.assert_close(module(wave), log_mel)


def test_silence_is_finite():
    module = LogMel(44100, 2048, 1014, 64)
    silent = module(torch.zeros(44100))
    assert torch.all(silent == np.log(np.float32(1e-10)))
    for mode in ("train", "clip"):
        assert torch.isfinite(SpectrogramNormalizer(mode, 64)(silent[None])).all()


def test_bad_edges_name_both_values():
    with pytest.raises(ConfigError, match="F_MIN 100.0 and F_MAX 90.0.*22050"):
        LogMel(44100, 2048, 1014, 64, f_min=100.0, f_max=90.0)


def test_normalisation_constants_are_state():
    rng = np.random.default_rng(1)
    images = [rng.normal(5, 3, (1, 4, n)).astype(np.float32) for n in (30, 50)]
    normalizer = SpectrogramNormalizer("train", 4)
    normalizer.fit(torch.from_numpy(image) for image in images)
    frames = np.concatenate(images, axis=2)[0]
    np.testing.assert_allclose(normalizer.mean[0, :, 0], frames.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(normalizer.std[0, :, 0], frames.std(axis=1), rtol=1e-5)
    copy = SpectrogramNormalizer("train", 4)
    copy.load_state_dict(normalizer.state_dict())
    image = torch.from_numpy(images[0])
    torch.testing.assert_close(copy(image), normalizer(image))
    with pytest.raises(ConfigError, match="found no training frames"):
        normalizer.fit([])


def test_clip_normalisation_spans_zero_to_one():
    image = torch.tensor([[[-3.0, 1.0], [5.0, 0.0]]])
    scaled = SpectrogramNormalizer("clip", 2)(image)
    assert (scaled.min(), scaled.max()) == (0, 1)
    assert scaled[0, 0, 1] == 0.5  # (1 + 3) / (5 + 3)


def test_kongs_front_end_equals_scipys_spectrogram():
    """Symmetric Hamming window, whole windows only, magnitude, a floor that is added."""
    rng = np.random.default_rng(0)
    wave = (rng.normal(0, 0.1, 320000) * np.linspace(0, 1, 320000)).astype(np.float32)
    window = np.hamming(2048)
    _, _, magnitude = scipy.signal.spectrogram(
        wave.astype(float),
        window=window,
        nperseg=2048,
        noverlap=1024,
        detrend=False,
        mode="magnitude",
    )
    magnitude *= np.sqrt(np.sum(window**2))  # scipy scales to a density
    mel = librosa.filters.mel(sr=32000, n_fft=2048, n_mels=64, fmin=50, fmax=16000) @ magnitude
    module = LogMel(
        32000,
        2048,
        1024,
        64,
        50.0,
        16000.0,
        1e-8,
        window="hamming",
        centre=False,
        power=1,
        floor_added=True,
    )
    assert module(torch.from_numpy(wave)).shape == mel.shape == (64, 311)
    np.testing.assert_allclose(
        module(torch.from_numpy(wave)).numpy(), np.log(mel + 1e-8), atol=1e-4
    )
    assert torch.all(module(torch.zeros(4096)) == np.log(np.float32(1e-8)))
    module.floor = 1.0
    np.testing.assert_allclose(module(torch.from_numpy(wave)).numpy(), np.log(mel + 1), atol=1e-4)


def test_band_edges_part_the_bands():
    """Each edge lies where two neighbouring triangles of librosa's are equally high (in mel)."""
    module = LogMel(32000, 2048, 1024, 64, 50.0, 16000.0)
    centres = librosa.mel_frequencies(66, fmin=50, fmax=16000)
    edges = librosa.hz_to_mel(np.array(module.band_edges()))
    mels = librosa.hz_to_mel(centres)
    np.testing.assert_allclose(edges, (mels[1:] + mels[:-1]) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"window": "boxcar"}, "WINDOW is 'boxcar', expected one of hann, hamming"),
        ({"power": 3}, "POWER is 3, expected 1 or 2"),
    ],
)
def test_unknown_window_or_power(options, said):
    with pytest.raises(ConfigError, match=said):
        LogMel(32000, 2048, 1024, 64, **options)


def test_product_normalisation_by_hand():
    """Two bands of three frames, minimum -2 and maximum 8 of all."""
    image = torch.tensor([[[0.0, 8.0, 4.0], [-2.0, 3.0, 2.0]]])
    x = SpectrogramNormalizer("product", 2)(image)
    band = torch.tensor([[0.0, 1.0, 0.5], [0.0, 1.0, 0.8]])
    frame = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    whole = (image[0] + 2) / 10
    torch.testing.assert_close(x[0], band * frame * whole)


@pytest.mark.parametrize("seed", range(3))
def test_product_is_one_at_the_maximum_alone_and_turns_with_the_picture(seed):
    image = torch.randn(1, 16, 30, generator=torch.Generator().manual_seed(seed)) * 7 - 11
    normalizer = SpectrogramNormalizer("product", 16)
    x = normalizer(image)
    assert 0 <= x.min() and x.flatten().argmax() == image.flatten().argmax() and (x == 1).sum() == 1
    torch.testing.assert_close(normalizer(image.mT), x.mT)
    torch.testing.assert_close(normalizer(3 * image + 5), x)


def test_product_of_silence_and_of_constant_bands_and_frames():
    normalizer = SpectrogramNormalizer("product", 3)
    assert torch.equal(normalizer(torch.full((1, 3, 4), -23.0)), torch.zeros(1, 3, 4))
    tone = torch.full((1, 3, 4), -23.0)
    tone[:, 1] = 2.0  # a band that never changes holds the maximum
    x = normalizer(tone)
    assert torch.equal(x[0, 1], torch.ones(4)) and torch.equal(x[0, [0, 2]], torch.zeros(2, 4))
    click = normalizer(tone.mT)
    assert torch.equal(click[0, :, 1], torch.ones(4)) and click.isfinite().all()
