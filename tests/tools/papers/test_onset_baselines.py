"""Baselines find the loudest change, and nothing else."""

import numpy as np
import pytest

from papers.onset_baselines import energy_onset_events, spectral_flux_events

HOP = 0.023


@pytest.mark.parametrize("baseline", [energy_onset_events, spectral_flux_events])
@pytest.mark.parametrize("frame", [100, 500])
def test_onset_of_a_burst(baseline, frame):
    rng = np.random.default_rng(0)
    log_mel = rng.normal(-6, 0.1, (64, 1000)).astype(np.float32)
    quiet = baseline(log_mel, HOP, ["a"])[0].score
    log_mel[:, frame : frame + 30] += 5
    a, b = baseline(log_mel, HOP, ["a", "b"])
    assert (a.label, b.label) == ("a", "b") and a[:2] == b[:2]
    assert a.onset == pytest.approx(frame * HOP, abs=0.1) and a.offset == a.onset + 0.5
    assert 0 <= quiet < a.score <= 1


@pytest.mark.parametrize("baseline", [energy_onset_events, spectral_flux_events])
def test_silence(baseline):
    (event,) = baseline(np.full((64, 200), -23.0, np.float32), HOP, ["a"])
    assert event.score == pytest.approx(0.0, abs=1e-6)
