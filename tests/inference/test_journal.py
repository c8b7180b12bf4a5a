"""The journal: whatever is cut off, each recording is in it whole or not at all."""

import errno
import json

import pytest

from audiodet.errors import AudiodetError
from audiodet.inference.journal import NAME, Journal
from audiodet.events import Event

PARAMETERS = {
    "model": "tiny",
    "thresholds": {"dog": 0.5},
    "min_lengths": {},
    "floors": {"dog": 0.1},
    "window": 30.0,
}
EVENT = Event(0.1, 1 / 3, "dog", 0.7000000123)


def filled(folder, count=3):
    journal = Journal(folder, PARAMETERS, resume=False)
    for number in range(count):
        journal.add(f"{number}\udcff.wav", state=[number, 5], duration=2.0, events=[EVENT])
    journal.close()
    return folder / NAME


def test_entries_come_back_exactly(tmp_path):
    filled(tmp_path)
    journal = Journal(tmp_path, PARAMETERS, resume=True)
    assert list(journal.done) == [f"{number}\udcff.wav" for number in range(3)]
    entry = journal.get("1\udcff.wav")
    assert entry["events"] == [EVENT] and entry["state"] == [1, 5]


def test_a_journal_cut_at_any_byte_loses_only_what_was_cut(tmp_path):
    path = filled(tmp_path, 2)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        journal = Journal(tmp_path, PARAMETERS, resume=True)
        complete = sum(end <= cut for end in ends)
        assert len(journal.done) == max(0, complete - 1), cut
        for number in range(len(journal.done), 2):
            journal.add(f"{number}\udcff.wav", state=[number, 5], duration=2.0, events=[EVENT])
        journal.close()
        assert path.read_bytes() == whole, cut


def test_failed_recordings_are_tried_again(tmp_path):
    journal = Journal(tmp_path, PARAMETERS, resume=False)
    journal.add("bad.wav", state=None, error="bad.wav: no sound")
    assert journal.get("bad.wav")["error"] == "bad.wav: no sound"
    journal.close()
    assert Journal(tmp_path, PARAMETERS, resume=True).done == {}


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"model": "other"}, "model 'tiny', this run has 'other'"),
        ({"overlap": 6.0}, "overlap None, this run has 6.0"),
    ],
)
def test_other_parameters_are_refused_with_both_values(changed, words, tmp_path):
    before = filled(tmp_path).read_bytes()
    with pytest.raises(AudiodetError, match=f"made with {words}"):
        Journal(tmp_path, {**PARAMETERS, **changed}, resume=True)
    assert (tmp_path / NAME).read_bytes() == before


def test_decisions_change_and_the_last_counts(tmp_path):
    filled(tmp_path)
    journal = Journal(tmp_path, {**PARAMETERS, "thresholds": {"dog": 0.9}}, resume=True)
    assert journal.parameters == PARAMETERS  # its own, until it is told otherwise
    journal.decide({"thresholds": {"dog": 0.2}, "min_lengths": {"dog": 0.1}})
    with pytest.raises(AudiodetError, match="scores of at least 0.1, found the threshold 0.05"):
        journal.decide({"thresholds": {"dog": 0.05}, "min_lengths": {}})
    journal.close()
    again = Journal(tmp_path, PARAMETERS, resume=True)
    assert again.parameters["thresholds"] == {"dog": 0.2} and len(again.done) == 3
    assert again.parameters["min_lengths"] == {"dog": 0.1}
    before = again.path.read_bytes()
    again.decide({"thresholds": {"dog": 0.2}, "min_lengths": {"dog": 0.1}})
    assert again.path.read_bytes() == before


def test_a_journal_of_an_older_version_has_its_thresholds_as_floors(tmp_path):
    old = {"model": "tiny", "thresholds": {"dog": 0.5}, "window": 30.0}
    entry = {"path": "a.wav", "state": [1, 2], "duration": 2.0, "events": [EVENT]}
    lines = [json.dumps(line) + "\n" for line in ({"parameters": old}, entry)]
    (tmp_path / NAME).write_text("".join(lines))
    journal = Journal(tmp_path, {**PARAMETERS, "thresholds": {"dog": 0.1}}, resume=True)
    assert journal.parameters["floors"] == {"dog": 0.5}
    assert journal.get("a.wav")["events"] == [EVENT]
    with pytest.raises(AudiodetError, match="scores of at least 0.5, found the threshold 0.4"):
        journal.decide({"thresholds": {"dog": 0.4}, "min_lengths": {}})


def test_another_run_is_not_overwritten(tmp_path):
    before = filled(tmp_path).read_bytes()
    with pytest.raises(AudiodetError, match="holds another run; continue it with --resume"):
        Journal(tmp_path, PARAMETERS, resume=False)
    assert (tmp_path / NAME).read_bytes() == before


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("content", [b"my notes\n", b'{"path": "a.wav"}\n', b"\0" * 40])
def test_a_file_that_is_no_journal_stays_as_it_is(content, resume, tmp_path):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(AudiodetError, match=f"{NAME}: begins with .*, expected a journal"):
        Journal(tmp_path, PARAMETERS, resume=resume)
    assert (tmp_path / NAME).read_bytes() == content


def test_a_half_line_stays_where_a_run_is_not_continued(tmp_path):
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    before = path.read_bytes()
    with pytest.raises(AudiodetError, match="holds another run"):
        Journal(tmp_path, PARAMETERS, resume=False)
    assert path.read_bytes() == before


def test_one_process_writes(tmp_path):
    journal = Journal(tmp_path, PARAMETERS, resume=False)
    with pytest.raises(AudiodetError, match="another run is writing here"):
        Journal(tmp_path, PARAMETERS, resume=True)
    journal.close()
    Journal(tmp_path, PARAMETERS, resume=True).close()


def test_a_disk_that_runs_full_in_the_middle_of_a_line(tmp_path):
    path = filled(tmp_path)
    before = path.read_bytes()
    journal = Journal(tmp_path, PARAMETERS, resume=True)
    file, journal._file = journal._file, None

    class Full:
        """Takes 20 bytes more."""

        room, fileno, seek, closed = 20, file.fileno, file.seek, False

        def write(self, data):
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            written, self.room = file.write(data[: self.room]), 0
            return written

    journal._file = Full()
    words = "No space left on device. after 3 recordings; make room"
    with pytest.raises(AudiodetError, match=words):
        journal.add("3.wav", state=None, duration=1.0, events=[])
    assert "3.wav" not in journal.done and path.read_bytes() == before
    file.close()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AudiodetError, match="file/out: cannot be written to .*expected a folder"):
        Journal(tmp_path / "file" / "out", PARAMETERS, resume=False)


def test_every_line_is_json(tmp_path):
    lines = filled(tmp_path).read_text().splitlines()
    assert json.loads(lines[0]) == {"parameters": PARAMETERS} and len(lines) == 4


def test_a_damaged_line_costs_its_recording_alone(tmp_path, capsys):
    path = filled(tmp_path, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    for number, damaged in ((2, b'{"path": "1\n'), (3, b"\0" * 30 + b"\n")):
        lines[number] = damaged
    path.write_bytes(b"".join(lines))
    journal = Journal(tmp_path, PARAMETERS, resume=True)
    assert list(journal.done) == ["0\udcff.wav", "3\udcff.wav"]
    assert "damaged lines 3, 4 (2 in all), their recordings are heard" in capsys.readouterr().err
    journal.add("1\udcff.wav", state=[1, 5], duration=2.0, events=[EVENT])
    journal.close()
    assert len(Journal(tmp_path, PARAMETERS, resume=True).done) == 3


@pytest.mark.parametrize(
    "line",
    [
        '{"path": "1.wav", "state": [1, 5], "duration": 2.0, "events": [[0.1, "x", "dog", 1]]}',
        '{"path": "1.wav", "state": [1, 5], "duration": "2", "events": []}',
        '{"path": 7, "state": [1, 5], "duration": 2.0, "events": []}',
        "[" * 100000,
    ],
)
def test_lines_of_another_form_are_damaged(line, tmp_path, capsys):
    path = filled(tmp_path, 1)
    path.write_text(path.read_text() + line + "\n")
    assert len(Journal(tmp_path, PARAMETERS, resume=True).done) == 1
    assert "damaged lines 3 (1 in all)" in capsys.readouterr().err


@pytest.mark.parametrize("resume", [False, True])
def test_a_damaged_first_line_is_named_and_nothing_is_lost(resume, tmp_path):
    path = filled(tmp_path)
    content = path.read_bytes().replace(b'"window": 30.0', b'"window": 30.', 1)
    path.write_bytes(content)
    with pytest.raises(AudiodetError, match=f"{NAME}: line 1 is damaged"):
        Journal(tmp_path, PARAMETERS, resume=resume)
    assert path.read_bytes() == content


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def no_locks(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(AudiodetError, match=r"cannot be locked \(No locks available\)"):
        Journal(tmp_path, PARAMETERS, resume=False)


def test_a_renamed_recording_keeps_its_entry(tmp_path):
    filled(tmp_path, 2)
    journal = Journal(tmp_path, PARAMETERS, resume=True)
    journal.rename("1\udcff.wav", "./1.wav")
    journal.close()
    again = Journal(tmp_path, PARAMETERS, resume=True)
    assert list(again.done) == ["0\udcff.wav", "./1.wav"]
    assert again.get("./1.wav")["events"] == [EVENT]
