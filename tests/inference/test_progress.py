"""What is said while recordings are worked on."""

import pytest

from audiodet.inference import progress
from audiodet.inference.progress import Progress, duration_text


def test_a_line_by_hand():
    """300 of 400 bytes in 30 s: 10 s are left."""
    shown = Progress({"a.wav": 100, "b.wav": 300}, quiet=True)
    shown.show("a.wav")
    shown.show("b.wav", 20.0, 30.0)
    assert shown.line(30.0) == "1 of 2 recordings, 75 %, 10 s left"


def test_a_duration_in_words():
    assert [duration_text(x) for x in (3.4, 89, 150, 7200)] == ["3 s", "89 s", "2 min", "2.0 h"]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_a_minute_where_there_is_no_terminal(terminal, monkeypatch, capsys):
    clock = iter(range(0, 1000, 25)).__next__
    monkeypatch.setattr(progress.time, "monotonic", clock)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    names = [f"{number}.wav" for number in range(8)]
    with Progress(dict.fromkeys(names, 10)) as shown:
        for name in names:
            shown.show(name)
    said = capsys.readouterr().err
    lines = [line for line in said.splitlines() if "recordings," in line]
    if terminal:
        assert lines == [] and "100%" in said
    else:
        assert [line.split(",")[0] for line in lines] == ["3 of 8 recordings", "6 of 8 recordings"]


def test_how_loud_detect_is(detect, bad, tmp_path):
    code, _, told = detect(bad, "-o", tmp_path / "a", "--quiet")
    assert code == 3 and told.count("\n") == 1 and "2 inputs failed" in told
    code, _, told = detect(bad, "-o", tmp_path / "b", "--verbose")
    lines = told.splitlines()
    assert f"{bad}/a.wav: " in told and " events in 3.0 s" in told and len(lines) == 6
    assert sum("text.wav: not audio" in line for line in lines) >= 1
    assert detect(bad, "-o", tmp_path / "c", "--verbose", "--quiet")[0] == 2


def test_rows_on_stdout_have_a_line_a_minute_too(detect, folder, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    code, said, told = detect(folder, "-o", "-")
    assert code == 0 and "12 of 12 recordings, 100 %" in told
    assert "recordings, " not in said
    assert detect(folder, "-o", "-", "--quiet")[2] == ""


def test_one_is_not_many(detect, folder, tmp_path):
    told = detect(folder / "00.wav", "-o", tmp_path / "out", "--threshold", "1.1")[2]
    assert told.startswith("0 events in 1 recording (1 s): ")
