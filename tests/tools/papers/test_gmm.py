"""The GMM baseline on sounds that cepstra tell apart, and its published size."""

import numpy as np
import pytest

from audiodet.errors import DataError
from papers.gmm import GMMBaseline, cepstra


def clip(rng, frames=300):
    """Noise whose spectrum tilts up while "a" sounds and down while "b" does."""
    truth = np.zeros((frames, 2))
    truth[50:120, 0] = truth[160:240, 1] = 1
    tilt = np.linspace(-3, 3, 40)[:, None]
    log_mel = rng.normal(0, 0.3, (40, frames)) + tilt * (truth[:, 0] - truth[:, 1])
    return cepstra(log_mel.astype(np.float32)), truth


def test_learns_and_has_the_published_number_of_parameters():
    rng = np.random.default_rng(0)
    model = GMMBaseline(["a", "b"]).fit([clip(rng) for _ in range(4)])
    assert model.parameters == 2 * 3808
    features, truth = clip(rng)
    assert features.shape == (300, 59)
    scores = model.scores(features, 0.02)
    ratio = np.log(scores / (1 - scores))  # for each number: neither faint nor saturated
    assert 0.05 < np.abs(ratio).max() < 100
    wrong = ((scores > 0.5) != (truth > 0.5)).mean()
    assert scores.shape == (300, 2) and wrong < 0.1


def test_features_do_not_hear_the_level():
    """Only the constant that was left out tells it."""
    log_mel = np.random.default_rng(1).normal(0, 1, (40, 60)).astype(np.float32)
    np.testing.assert_allclose(cepstra(log_mel + 2.0), cepstra(log_mel), atol=1e-3)


def test_the_ratio_is_averaged_over_a_second():
    rng = np.random.default_rng(0)
    model = GMMBaseline(["a", "b"], components=2).fit([clip(rng)])
    features, _ = clip(rng)
    rough, smooth = model.scores(features, 1.0), model.scores(features, 0.02)
    assert np.abs(np.diff(smooth, axis=0)).mean() < np.abs(np.diff(rough, axis=0)).mean()


def test_a_class_without_frames():
    features, truth = clip(np.random.default_rng(0))
    truth[:, 1] = 0
    with pytest.raises(DataError, match="0 training frames with b, expected at least 16"):
        GMMBaseline(["a", "b"]).fit([(features, truth)])
