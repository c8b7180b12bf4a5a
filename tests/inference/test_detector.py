"""The detector as a library: files and arrays of any length, in any batch, process or thread."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading

import audiodet  # first: makes detectron2 importable, also in a spawned process

import numpy as np
import pytest
import soundfile as sf
import torch
from detectron2.modeling.postprocessing import detector_postprocess

from audiodet.errors import AudioError, ConfigError, WeightsError
from audiodet.inference.detector import Detector
from audiodet.inference.reading import read_windows
from audiodet.modeling.frame_events import events_from_scores
from audiodet.modeling.model import SEDModel
from audiodet.weights import find_weights
from tests.inference.sounds import bursts, sound
from tests.tiny import LABELS, RATE


class LoudTones(SEDModel):
    """A model that needs no training: each time step with a loud 1-kHz tone is a "burst"."""

    def __init__(self, cfg, band=range(19, 24), stride=8):
        self.cfg, self.band, self.stride = cfg, list(band), stride

    @property
    def time_stride(self):
        return self.stride

    def __call__(self, inputs):
        outputs = []
        for clip in inputs:
            level = clip["image"][0, self.band].amax(0)  # (T,)
            steps = torch.nn.functional.max_pool1d(level[None], self.stride, ceil_mode=True)[0]
            scores = torch.stack([(steps > 0).float(), torch.zeros_like(steps)], 1)
            size = clip["image"].shape[1:]
            events = events_from_scores(scores.numpy(), 0.5, self.stride, 0.5, size)
            outputs.append({"instances": detector_postprocess(events, 1, clip["width"])})
        return outputs


@pytest.fixture(scope="module")
def tones(model):
    return LoudTones(model.cfg)


TIMES = [1.3, 2.21, 4.95, 7.43, 9.0, 11.77, 14.9, 16.4, 19.05, 22.6]


def networks_events(model, path):
    """What the network itself says of a whole file: its boxes, in seconds, and scores."""
    samples, _ = sf.read(path, dtype="float32")
    clip = Detector(model).features(samples)
    with torch.inference_mode():
        instances = model([clip])[0]["instances"]
    events = []
    for box, score, k in zip(instances.pred_boxes, instances.scores, instances.pred_classes):
        onset, offset = max(float(box[0]), 0.0), min(float(box[2]), clip["duration"])
        if offset > onset:
            events.append((onset, offset, LABELS[int(k)], float(score)))
    return sorted(events)


def test_a_file_that_fits_a_window_gives_the_networks_events(model, folder):
    paths = [str(path) for path in sorted(folder.iterdir()) if path.stem != "05"]
    expected = {path: networks_events(model, path) for path in paths}
    found = list(Detector(model).detect_many(paths, batch_size=1))
    assert [d.source for d in found] == paths and sum(len(d.events) for d in found) > 20
    for detection in found:
        assert [e[:4] for e in detection.events] == expected[detection.source]
        assert detection.error is None
        assert detection.duration == sf.info(detection.source).duration


@pytest.mark.parametrize("batch_size, workers", [(1, 1), (2, 3), (8, 2), (64, 4)])
def test_batches_and_threads_do_not_change_the_events(batch_size, workers, model, folder):
    paths = [str(path) for path in sorted(folder.iterdir())]
    detector = Detector(model, 0.3, window=2.0, overlap=0.7)
    alone = [detector.detect(path) for path in paths]
    assert sum(map(len, alone)) > 20
    for expected, found in zip(alone, detector.detect_many(paths, batch_size, workers)):
        assert len(found.events) == len(expected)
        for ours, theirs in zip(found.events, expected):
            assert ours.label == theirs.label and ours[:2] == pytest.approx(theirs[:2], abs=1e-4)
            assert ours.score == pytest.approx(theirs.score, abs=1e-4)


@pytest.mark.parametrize("overlap", [0.2, 1.0, 2.0])
@pytest.mark.parametrize(
    "rate, name",
    [(RATE, "a.wav"), (8000, "a.flac"), (44100, "a.ogg"), (48000, "a.mp3"), (192000, "a.wav")],
)
def test_shifting_a_recording_shifts_its_events(overlap, rate, name, tones, tmp_path):
    """By any time, at any rate, in any format, wherever the windows' edges fall: to one cell."""
    detector = Detector(tones, window=4.0, overlap=overlap)
    cell = detector.grid.cell / RATE + 0.016  # and half an analysis window
    for shift in (0.0, 0.0371, 0.5, 1.234, 2.9):
        times = [time + shift for time in TIMES]
        sf.write(tmp_path / name, bursts(25.0 + shift, times, rate), rate)
        events = detector.detect(tmp_path / name)
        assert [e.onset for e in events] == pytest.approx(times, abs=cell)
        assert [e.offset for e in events] == pytest.approx([t + 0.4 for t in times], abs=cell)


def test_an_event_longer_than_a_window_stays_one(tones):
    samples = bursts(60.0, [13.0], length=31.0)
    (event,) = Detector(tones, window=4.0, overlap=1.0).detect(samples, RATE)
    assert event[:2] == pytest.approx((13.0, 44.0), abs=0.128)


def test_arrays_files_and_channels_are_one(model, tmp_path):
    samples = sound(5.0).astype(np.float32)
    detector = Detector(model, 0.2, window=2.0, overlap=0.5)
    sf.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    expected = detector.detect(str(tmp_path / "a.wav"))
    assert len(expected) > 3 and detector.detect(samples, RATE) == expected
    assert detector.detect(np.stack([samples * 2, samples * 0], 1), RATE) == expected
    (found,) = detector.detect_many([(samples, RATE)])
    assert found.events == expected and found.duration == 5.0
    assert {type(value) for value in expected[0][:4]} == {float, str}


@pytest.mark.parametrize(
    "array, rate, words",
    [
        (np.zeros(0), RATE, "shape (0,)"),
        (np.zeros((3, 3, 3)), RATE, "shape (3, 3, 3)"),
        (np.zeros(RATE, np.int16), RATE, "int16"),
        (np.full(RATE, np.nan), RATE, "16000 NaN"),
        (np.zeros(RATE), 0, "at 0 Hz"),
        (np.zeros(RATE), None, "without sample_rate"),
        (np.zeros(100), RATE, "100 samples at 16000 Hz, expected at least 512"),
    ],
)
def test_arrays_that_are_no_recording(array, rate, words, model):
    with pytest.raises(AudioError) as error:
        Detector(model).detect(array, rate)
    assert words in str(error.value)


def test_a_bad_file_stops_no_other(model, folder, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    good, bad = str(folder / "01.wav"), str(tmp_path / "bad.wav")
    found = list(Detector(model).detect_many([good, bad, good, "nowhere.wav", good]))
    assert [bool(d.error) for d in found] == [False, True, False, True, False]
    assert found[0].events == found[2].events == found[4].events != []
    assert "bad.wav: not audio" in str(found[1].error) and found[1].events == []
    with pytest.raises(AudioError, match="nowhere.wav: no such file"):
        Detector(model).detect("nowhere.wav")


def test_thresholds(model, folder):
    everything = Detector(model).detect(folder / "02.wav")
    for thresholds in (0.3, {"tone": 0.3}, [0.0, 0.3]):
        low = {"tone": 0.3, "burst": 0.3 if thresholds == 0.3 else 0.0}
        expected = [e for e in everything if e.score >= low[e.label]]
        assert 0 < len(expected) < len(everything)
        assert Detector(model, thresholds).detect(folder / "02.wav") == expected
    with pytest.raises(ConfigError, match="'dog'"):
        Detector(model, {"dog": 0.5})


def test_a_benchmarks_one_event_per_clip_is_no_rule_for_recordings(model, tmp_path):
    cfg = model.cfg.clone()
    cfg.defrost()
    cfg.TEST.BEST_EVENT_PER_CLIP = True
    detector = Detector(LoudTones(cfg), window=4.0, overlap=1.0)
    assert len(detector.detect(bursts(25.0, TIMES), RATE)) == len(TIMES)


def test_from_pretrained_by_name_and_path(checkpoint, folder):
    assert audiodet.Detector is Detector
    detector = Detector.from_pretrained("rcrnn_rare", device="cpu")
    assert detector.labels == ["babycry", "glassbreak", "gunshot"]
    assert Detector.from_pretrained(checkpoint, window=12.0).labels == LABELS
    with pytest.raises(WeightsError, match="nothing: no such model or file; models that ship"):
        Detector.from_pretrained("nothing")
    with pytest.raises(WeightsError, match="mine.onnx: no such file; models that ship"):
        Detector.from_pretrained("mine.onnx")
    with pytest.raises(WeightsError, match="mine.onnx: an exported file, .*that it was made of"):
        find_weights("mine.onnx")
    with pytest.raises(ConfigError, match="device 'tpu9' does not work"):
        Detector.from_pretrained("rcrnn_rare", device="tpu9")


def _detect(detector, path, results):
    results.put(detector.detect(path))


def test_pickles_into_a_spawned_process(model, folder):
    detector, path = Detector(model, 0.2), str(folder / "03.wav")
    assert pickle.loads(pickle.dumps(detector)).detect(path) == detector.detect(path)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_detect, args=(detector, path, results))
    process.start()
    there, here = results.get(timeout=120), detector.detect(path)
    process.join()
    assert here and [event.label for event in there] == [event.label for event in here]
    for a, b in zip(there, here):  # the number of threads may change the last digit
        assert (a.onset, a.offset, a.score) == pytest.approx((b.onset, b.offset, b.score), abs=1e-5)


def test_threads_share_a_detector(model, folder):
    detector = Detector(model, 0.2, window=2.0, overlap=0.5)
    paths = [str(path) for path in sorted(folder.iterdir())]
    expected, found = [detector.detect(path) for path in paths], {}

    def work(path):
        found[path] = detector.detect(path)

    threads = [threading.Thread(target=work, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[path] for path in paths] == expected


def test_a_file_that_changes_while_it_is_read(model, tmp_path):
    path = tmp_path / "a.wav"
    sf.write(path, sound(20.0), RATE)
    detector = Detector(model, window=2.0, overlap=0.5)
    windows = read_windows(str(path), detector.grid)
    next(windows)
    with open(path, "ab") as file:
        file.write(b"more")
    with pytest.raises(AudioError, match="a.wav: changed while it was read"):
        list(windows)


def test_memory_does_not_grow_with_the_recording(checkpoint, tmp_path):
    """Peak memory of the command for 4 and for 40 minutes, at 16 kHz."""
    peaks = []
    for minutes in (4, 40):
        path = tmp_path / f"{minutes}.wav"
        with sf.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(np.zeros(60 * RATE))
        command = [sys.executable, "-m", "audiodet.cli", "detect", str(path), "--device", "cpu"]
        command += ["--model", checkpoint, "--threshold", "1", "-o", str(tmp_path / str(minutes))]
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks.append(usage.ru_maxrss)
    assert peaks[1] < 1.1 * peaks[0], peaks


@pytest.mark.parametrize("seconds", [2.0, 40.0])
def test_what_limits_a_recording_is_said_once(seconds, model, tmp_path, caplog):
    path, rate = tmp_path / "loud.wav", 8000
    sf.write(path, np.clip(10 * sound(seconds)[::2], -1, 1), rate)
    for source in (path, (sf.read(path)[0], rate)):
        caplog.clear()
        assert not next(Detector(model).detect_many([source])).error
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 2 and "sampled at 8000 Hz" in said[0] and "clipped, " in said[1]
        assert all(line.startswith(("array: ", f"{path}: ")) for line in said)
