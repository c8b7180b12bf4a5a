"""``audiodet clips``: what is heard in them, what they are called, what is left alone."""

import os
import shutil

import numpy as np
import pytest
import soundfile as sf

from audiodet.cli import main
from audiodet.errors import AudiodetError
from audiodet.events import Detection, Event
from audiodet.inference.event_clips import TABLE, plan_clips, write_clips
from audiodet.inference.results import RunResults
from audiodet.names import safe_name, safe_names

RATE = 8000


@pytest.fixture
def run(tmp_path):
    """Two recordings whose samples say when they are: sample i is i / 80000."""
    detections = []
    for name, events in {
        "a.wav": [Event(1.0, 2.0, "dog", 0.5), Event(4.5, 5.0, "cat/dog", 0.75)],
        "b.flac": [Event(0.2, 0.6, "dog", 0.9), Event(3.0, 3.5, "dog", 0.7)],
    }.items():
        path = str(tmp_path / name)
        samples = np.arange(5 * RATE) / 80000
        sf.write(path, np.stack([samples, samples], 1), RATE, "PCM_24")
        detections.append(Detection(path, events, 5.0, candidates=events))
    return RunResults(tmp_path, detections)


def test_clips_hold_their_events_with_margins(run, tmp_path):
    written, problems = write_clips(run, tmp_path / "out", margin=0.5)
    assert (written, problems) == (4, {})
    rows = [line.split("\t") for line in (tmp_path / "out" / TABLE).read_text().splitlines()]
    assert rows[0][:2] == ["clip", "filename"] and len(rows) == 5
    expected = {"1.000": (0.5, 2.5), "4.500": (4.0, 5.0), "0.200": (0.0, 1.1), "3.000": (2.5, 4.0)}
    for row in rows[1:]:
        samples, rate = sf.read(tmp_path / "out" / row[0])
        start, end = expected[row[2]]
        assert rate == RATE and samples.ndim == 1 and float(row[6]) == start
        assert samples[0] == pytest.approx(start / 10, abs=1e-3)
        assert len(samples) == round((end - start) * RATE)


def test_the_surest_first_in_a_folder_a_class(run, tmp_path):
    write_clips(run, tmp_path / "out", max_per_class=2)
    folders = {folder.name: sorted(os.listdir(folder)) for folder in (tmp_path / "out").glob("*/")}
    assert set(folders) == {"dog", "cat_dog"}
    assert folders["dog"] == ["00001_0.900_b_0.20s.wav", "00002_0.700_b_3.00s.wav"]


def test_a_recording_that_vanished_is_named_and_the_others_go_on(run, tmp_path):
    os.unlink(tmp_path / "a.wav")
    written, problems = write_clips(run, tmp_path / "out")
    assert written == 2 and list(problems) == [str(tmp_path / "a.wav")]
    assert "no such file" in problems[str(tmp_path / "a.wav")]
    assert not list((tmp_path / "out").rglob(".*"))


def test_recordings_are_only_read_and_other_things_stay(run, tmp_path):
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(AudiodetError, match="holds recordings of the run"):
        write_clips(run, tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").touch()
    with pytest.raises(AudiodetError, match="holds other things, expected a new or empty folder"):
        write_clips(run, tmp_path / "notes")
    write_clips(run, tmp_path / "out")
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    (tmp_path / "out" / "dog" / "mine.wav").write_bytes(b"mine")
    write_clips(run, tmp_path / "out", max_per_class=1)  # again: old clips go, mine stays
    names = {path.name for path in (tmp_path / "out").rglob("*.wav")}
    assert names == {"mine.wav", "00001_0.900_b_0.20s.wav", "00001_0.750_a_4.50s.wav"}


def test_a_table_that_names_other_folders_removes_nothing_there(run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / TABLE).write_text(f"clip\tfilename\tonset\n../a.wav\tx\n{tmp_path / 'b.flac'}\tx\n")
    shutil.copy(tmp_path / "a.wav", tmp_path / "c.wav")
    write_clips(run, out)
    assert (tmp_path / "a.wav").exists() and (tmp_path / "b.flac").exists()


def test_clips_that_are_recordings_of_the_run_are_not_replaced(run, tmp_path):
    write_clips(run, tmp_path / "out")
    heard = [str(path) for path in (tmp_path / "out").rglob("*.wav")]
    again = RunResults(tmp_path, [Detection(path, [Event(0, 0.3, "dog")], 1.0) for path in heard])
    with pytest.raises(AudiodetError, match="holds recordings of the run"):
        write_clips(again, tmp_path / "out")
    assert sorted(heard) == sorted(str(path) for path in (tmp_path / "out").rglob("*.wav"))


def test_names_are_safe_and_differ():
    bad = ["a/b", "a:b", "A_b", "..", "", "con", "LPT1.txt", "tab\there", "x" * 300, "trailing. "]
    names = safe_names(bad)
    assert len({name.lower() for name in names.values()}) == len(bad)
    assert names["a/b"] == "a_b" and names["a:b"] == "a_b_2" and names["A_b"] == "A_b_3"
    assert safe_name("..") == "_" and safe_name("con") == "_con" and safe_name("nul.x") == "_nul.x"
    assert safe_name("tab\there") == "tab_there"
    for name in names.values():
        assert name not in (".", "..") and not set(name) & set('/\\:*?"<>|\t')
        assert len(name.encode()) <= 210 and name == name.strip(". ")


def test_clips_of_a_run_of_detect(detect, bad, tmp_path, capfd):
    assert detect(bad, "-o", tmp_path / "run", "--threshold", "0.3")[0] == 3
    options = [str(tmp_path / "run"), "-o", str(tmp_path / "out"), "--max-per-class", "3"]
    assert main(["clips", *options]) == 0
    written = list((tmp_path / "out").rglob("*.wav"))
    assert 0 < len(written) <= 6 and f"{len(written)} clips" in capfd.readouterr().err
    os.unlink(bad / "a.wav")
    assert main(["clips", *options]) == 3
    assert f"{bad}/a.wav: no such file" in capfd.readouterr().err
    assert main(["clips", str(bad), "-o", str(tmp_path / "x")]) == 1


def test_equal_plans_for_equal_runs(run):
    assert plan_clips(run, 0.5) == plan_clips(run, 0.5)
