"""``--resume`` with other inputs, other spellings, other files, and within a long recording."""

import os
import shutil

import pytest
import soundfile as sf

from audiodet.inference import parts
from audiodet.inference.detector import Detector
from audiodet.inference.results import read_run
from tests.inference.conftest import rows
from tests.inference.sounds import sound
from tests.tiny import RATE

TABLE = "audiodet_events.tsv"


@pytest.fixture
def sounds(tmp_path, monkeypatch):
    """Three recordings in the working directory; a, b and c."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("in")
    for number, name in enumerate("abc"):
        sf.write(f"in/{name}.wav", sound(2.0, number), RATE, "PCM_16")
    return tmp_path / "in"


@pytest.fixture
def heard(monkeypatch):
    """Recordings that the detector is given."""
    names, place = [], Detector.detect_many

    def note(self, sources, *options):
        sources = list(sources)
        names.extend(sources)
        return place(self, sources, *options)

    monkeypatch.setattr(Detector, "detect_many", note)
    return names


def test_new_recordings_alone_keep_the_earlier_rows(detect, sounds, heard):
    assert detect("in/a.wav", "in/none.wav", "-o", "out")[0] == 3
    first = rows(f"out/{TABLE}")
    code, _, told = detect("in/b.wav", "-o", "out", "--resume")
    assert code == 0 and "1 recording of earlier inputs stay in the tables" in told
    both = rows(f"out/{TABLE}")
    assert both[: len(first)] == first and {row[0] for row in both} == {"in/a.wav", "in/b.wav"}
    assert heard == ["in/a.wav", "in/none.wav", "in/b.wav"]


def test_a_failure_among_earlier_inputs_stays_known(detect, sounds):
    (sounds / "bad.wav").write_text("no sound")
    assert detect("in/bad.wav", "in/a.wav", "-o", "out")[0] == 3
    assert detect("in/b.wav", "-o", "out", "--resume")[0] == 3
    assert rows("out/errors.tsv")[0][0] == "in/bad.wav"


def test_another_spelling_is_the_same_recording(detect, sounds, heard):
    assert detect("in", "-o", "out")[0] == 0
    before = rows(f"out/{TABLE}")
    assert detect(sounds, "-o", "out", "--resume")[0] == 0
    assert len(heard) == 3
    expected = [[str(sounds.parent / row[0]), *row[1:]] for row in before]
    assert rows(f"out/{TABLE}") == expected
    assert [found.source for found in read_run("out").recordings] == [
        str(sounds / f"{name}.wav") for name in "abc"
    ]
    assert detect("in", "-o", "out", "--resume")[0] == 0  # and back
    assert rows(f"out/{TABLE}") == before and len(heard) == 3


def test_a_file_of_the_same_size_and_time_with_other_content(detect, sounds, heard):
    assert detect("in", "-o", "out")[0] == 0
    status = os.stat("in/a.wav")
    shutil.copyfile("in/b.wav", "in/a.wav")
    os.utime("in/a.wav", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert os.stat("in/a.wav").st_size == status.st_size
    assert detect("in", "-o", "out", "--resume")[0] == 0
    assert heard[3:] == ["in/a.wav"]
    events = {name: [] for name in "abc"}
    for row in rows(f"out/{TABLE}"):
        events[row[0][3]].append(row[1:])
    assert events["a"] == events["b"]


def test_a_copy_of_the_same_content_is_not_heard_again(detect, sounds, heard):
    assert detect("in", "-o", "out")[0] == 0
    shutil.copy2("in/a.wav", "in/copy.wav")
    os.replace("in/copy.wav", "in/a.wav")  # another inode
    assert detect("in", "-o", "out", "--resume")[0] == 0
    assert len(heard) == 3


def test_a_long_recording_goes_on_within(detect, sounds, monkeypatch):
    """Stopped in the middle: the network hears only what is left, and the rows are the same."""
    monkeypatch.setattr(parts, "EVERY", 6.0)
    sf.write("long.wav", sound(60.0, 5), RATE, "PCM_16")
    assert detect("long.wav", "-o", "whole")[0] == 0
    listen, seen = Detector.listen, []

    def stop(self, inputs):
        seen.append(len(inputs))
        if len(seen) == 15:
            raise KeyboardInterrupt
        return listen(self, inputs)

    monkeypatch.setattr(Detector, "listen", stop)
    assert detect("long.wav", "-o", "out", "--workers", "1")[0] == 130
    heard = len(seen)
    assert detect("long.wav", "-o", "out", "--workers", "1", "--resume")[0] == 0
    assert rows(f"out/{TABLE}") == rows(f"whole/{TABLE}") and len(rows(f"out/{TABLE}")) > 20
    windows = 1 + round((60.0 - 4.0) / 2.5 + 0.5)
    assert windows - 15 <= len(seen) - heard < windows - 8
