"""Digital silence holds no event, whatever runs the model and however the sound comes."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
import soxr

from audiodet.events import Event
from audiodet.inference.detector import Detector
from audiodet.inference.joining import Heard
from audiodet.inference.opening import open_model
from audiodet.inference.separation import Separator
from audiodet.inference.silence import silent_spans, without_silence
from audiodet.inference.stream import detect_stream, stream_detector
from tests.inference.sounds import sound
from tests.systems import RATE, build

FRAME_LEVEL = ("crnn_poly_mini", "crnn_weak_mini", "self_mask_weak_mini", "tfseg_remix_mini")
BLOCK = 100


def spans(samples, cell=-BLOCK, rate=1) -> list:
    """Silent spans, a sample a second; without a margin beside sounds."""
    front_end = SimpleNamespace(sample_rate=rate, n_fft=BLOCK)
    return silent_spans(np.asarray(samples, np.float32), front_end, cell).tolist()


def test_spans_by_hand():
    rng = np.random.default_rng(0)
    loud = rng.normal(0, 0.1, 300)
    zeros = np.zeros(500)
    assert spans(loud) == [] and spans(np.full(3, 0.5)) == [[-np.inf, np.inf]]
    assert spans([*loud, *zeros, *loud]) == [[300, 800]]
    assert spans([*loud, *zeros, *loud], cell=20 - BLOCK) == [[320, 780]]
    assert spans([*zeros, *loud], cell=20 - BLOCK) == [[-np.inf, 480]]
    assert spans([*loud, *zeros[:130]], cell=20 - BLOCK) == [[320, np.inf]]
    # A-law's silence is not 0; a step from one level to another is a click.
    assert spans(zeros + 8 / 32768) == [[-np.inf, np.inf]]
    assert spans([*zeros, *(zeros + 1e-3)]) == [[-np.inf, 500], [500, np.inf]]
    click = np.zeros(1000)
    click[555] = 1 / 32768
    assert spans(click) == [[-np.inf, 500], [600, np.inf]]


def test_a_constant_stays_one_when_it_is_resampled():
    wave = np.concatenate([np.random.default_rng(0).normal(0, 0.3, 8000), np.full(40000, 0.25)])
    (span,) = spans(soxr.resample(wave.astype(np.float32), 8000, 44100), rate=44100)
    assert span[0] == pytest.approx(1.1, abs=0.1) and span[1] > 5.9


def test_events_in_silence_go_those_at_its_edge_stay():
    silent = np.array([[-np.inf, 2.0], [5.0, 7.0]])
    kept = [Event(1.9, 2.1, "a"), Event(3.0, 4.0, "a"), Event(4.9, 7.0, "a"), Event(0.0, 9.0, "a")]
    gone = [Event(0.0, 0.5, "a"), Event(5.0, 7.0, "a"), Event(1.0, 1.0, "a")]
    scores = np.ones((9, 2), np.float32)
    heard = without_silence(Heard([*gone, *kept], scores, np.arange(10.0)), silent)
    assert heard.events == kept
    assert heard.scores[:, 1].tolist() == [0, 0, 1, 1, 1, 0, 0, 1, 1]
    assert without_silence(Heard(gone), silent).scores is None


@pytest.fixture(scope="module")
def eager():
    """A frame-level system that hears events everywhere."""
    return build("crnn/poly_mini", "MODEL.TAGGER.LOW_THRESHOLD", 0.0)


def gated(seconds=26.0):
    """Sound from 10 to 13 s of the seconds; else zeros."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    samples[10 * RATE : 13 * RATE] = sound(3.0)[: 3 * RATE]
    return samples


def test_silent_windows_do_not_reach_the_network(eager, monkeypatch):
    detector = Detector(eager, window=4.0, overlap=1.0)
    asked = []
    listen = detector.runner.listen
    monkeypatch.setattr(
        detector.runner, "listen", lambda x, labels: asked.append(len(x)) or listen(x, labels)
    )
    events = detector.detect(gated(), RATE)
    assert events and all(9.0 < e.offset and e.onset < 14.0 for e in events)
    assert sum(asked) == 2  # of windows from 0, 3, 6, ... s those from 9 and 12 s


@pytest.mark.parametrize("window", [4.0, 30.0])
def test_scores_in_silence_are_zero(eager, window):
    curves = Detector(eager, window=window, overlap=1.0).scores(gated(), RATE)
    assert curves.edges[0] == 0 and curves.edges[-1] == 26.0 and np.diff(curves.edges).min() > 0
    sounds = (curves.seconds > 10) & (curves.seconds < 13)
    far = (curves.seconds < 9.5) | (curves.seconds > 13.5)
    assert curves.scores[sounds].min() > 0 and curves.scores[far].max() == 0


def test_scores_of_a_region_detector(model):
    """Of its events, silent windows or not."""
    detector = Detector(model, window=4.0, overlap=1.0, floor=0.0)
    curves = detector.scores(gated(), RATE)
    step = detector.grid.cell / RATE
    assert np.diff(curves.edges)[:-1] == pytest.approx(step)
    far = (curves.seconds < 6.0) | (curves.seconds > 16.5)
    assert curves.scores.max() > 0 and curves.scores[far].max() == 0
    assert detector.scores(np.zeros(26 * RATE, np.float32), RATE).scores.max() == 0


def test_a_stream(eager):
    detector = stream_detector(eager, None, 8.0)
    pieces = np.split(gated(), 104)
    events = list(detect_stream(detector, pieces, RATE))
    assert events and all(9.0 < e.offset and e.onset < 14.0 for e in events)
    assert not list(detect_stream(detector, [np.zeros(20 * RATE, np.float32)], RATE))


@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
@pytest.mark.parametrize("name", FRAME_LEVEL)
def test_what_ships_hears_nothing_in_silence(name, engine, tmp_path):
    path = str(tmp_path / "zeros.flac")
    sf.write(path, np.zeros((22050 * 12, 2)), 22050)
    model = open_model(name, device="cpu", engine=engine)
    assert Detector(model, 0.0, floor=0.0).detect(path) == []
    assert Detector(model, 0.0, window=8.0, overlap=2.0).detect(path) == []
    if model.has_masks:
        assert Separator(model, 0.0).separate_file(path) == {}
