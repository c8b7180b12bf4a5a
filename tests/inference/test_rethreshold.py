"""Other thresholds for a run that is done: from its journal, without the network."""

import json

import pytest

from audiodet.errors import AudiodetError
from audiodet.inference.detector import Detector
from audiodet.inference.journal import NAME
from audiodet.inference.results import read_run
from tests.inference.conftest import rows

TABLE = "audiodet_events.tsv"


@pytest.fixture
def calls(monkeypatch):
    """Windows that networks are asked about."""
    asked = []
    whole = Detector.listen

    def count(self, inputs):
        asked.extend(inputs)
        return whole(self, inputs)

    monkeypatch.setattr(Detector, "listen", count)
    return asked


@pytest.mark.parametrize("threshold", ["0.34", "0.25", "tone=0.33", "burst=0.2,tone=0.4"])
def test_rows_are_those_of_a_fresh_run_and_no_network_runs(
    threshold, detect, folder, calls, tmp_path
):
    first = ["--threshold", "0.3", "--floor", "0.05"]
    assert detect(folder, "-o", tmp_path / "a", *first)[0] == 0
    assert len(calls) > 12
    calls.clear()
    code, _, told = detect(folder, "-o", tmp_path / "a", "--resume", "--threshold", threshold)
    assert code == 0 and calls == [], told
    whole = threshold if "=" not in threshold else f"burst=0.3,tone=0.3,{threshold}"
    assert detect(folder, "-o", tmp_path / "b", "--threshold", whole)[0] == 0
    found = (tmp_path / "a" / TABLE).read_bytes()
    assert found == (tmp_path / "b" / TABLE).read_bytes() and found.count(b"\n") > 20
    reports = [json.loads((tmp_path / x / "audiodet_run.json").read_text()) for x in "ab"]
    kept = [report["parameters"]["thresholds"] for report in reports]
    assert kept[0] == kept[1] and reports[0]["counts"]["events"] == reports[1]["counts"]["events"]


def test_without_a_threshold_those_of_the_run_stay(detect, folder, calls, tmp_path):
    assert detect(folder, "-o", tmp_path, "--threshold", "0.3")[0] == 0
    assert detect(folder, "-o", tmp_path, "--resume", "--threshold", "tone=0.33")[0] == 0
    before = (tmp_path / TABLE).read_bytes()
    assert detect(folder, "-o", tmp_path, "--resume", "--format", "csv")[0] == 0
    assert (tmp_path / TABLE).read_bytes() == before
    assert read_run(tmp_path).thresholds == {"burst": 0.3, "tone": 0.33}


def test_the_models_thresholds_by_name(detect, folder, tmp_path):
    """The tiny model's are 0, which no run with another floor can be brought to."""
    options = ("--threshold", "0.4", "--floor", "0")
    assert detect(folder, "-o", tmp_path / "a", *options)[0] == 0
    assert detect(folder, "-o", tmp_path / "a", "--resume", "--threshold", "model")[0] == 0
    assert detect(folder, "-o", tmp_path / "b")[0] == 0
    tables = [(tmp_path / x / TABLE).read_bytes() for x in "ab"]
    assert tables[0] == tables[1]


def test_what_was_not_kept_is_not_made_up(detect, folder, tmp_path):
    assert detect(folder / "02.wav", "-o", tmp_path, "--threshold", "0.4", "--floor", "0.3")[0] == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    options = ("--resume", "--threshold", "0.2")
    code, _, told = detect(folder / "02.wav", "-o", tmp_path, *options)
    assert code == 1 and told.count("\n") == 1
    assert "has events of burst with scores of at least 0.3, found the threshold 0.2" in told
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_run_of_an_older_version_goes_on(detect, folder, calls, tmp_path):
    """Its journal has neither floors nor events below its thresholds."""
    assert detect(folder, "-o", tmp_path, "--threshold", "0.28", "--floor", "0.28")[0] == 0
    lines = (tmp_path / NAME).read_text().splitlines(keepends=True)
    first = json.loads(lines[0])
    del first["parameters"]["floors"], first["parameters"]["min_lengths"]
    (tmp_path / NAME).write_text("".join([json.dumps(first) + "\n", *lines[1:-1]]))
    calls.clear()
    assert detect(folder, "-o", tmp_path, "--resume", "--threshold", "0.3")[0] == 0
    assert len(calls) in (1, 3)  # windows of the recording whose line is missing
    assert detect(folder, "-o", tmp_path / "b", "--threshold", "0.3")[0] == 0
    assert (tmp_path / TABLE).read_bytes() == (tmp_path / "b" / TABLE).read_bytes()


def test_read_run_has_what_the_table_has_and_more(detect, bad, tmp_path):
    assert detect(bad, "-o", tmp_path, "--threshold", "0.3", "--floor", "0.2")[0] == 3
    run = read_run(tmp_path)
    found = []
    for recording in run.recordings:
        for event in recording.events:
            times = [f"{event.onset:.3f}", f"{event.offset:.3f}"]
            found.append([recording.source, *times, event.label, f"{event.score:.4f}"])
        below = [event for event in recording.candidates if event.score < 0.3]
        assert below and min(event.score for event in below) >= 0.2
        assert set(recording.events) == set(recording.candidates) - set(below)
        assert recording.candidates == sorted(recording.candidates)
        assert recording.duration == pytest.approx(3.0)
    assert found == rows(tmp_path / TABLE)
    assert set(run.errors) == {str(bad / "text.wav"), str(bad / "void.flac")}
    assert sorted(map(list, run.errors.items())) == sorted(rows(tmp_path / "errors.tsv"))
    assert run.labels == ["burst", "tone"] and run.model.endswith("tiny.safetensors")
    assert run.floors == {"burst": 0.2, "tone": 0.2}


@pytest.mark.parametrize(
    "content, words",
    [(None, "cannot be read"), (b"", "expected a journal"), (b'{"a": 1}\n', "expected a journal")],
)
def test_a_folder_without_a_run(content, words, tmp_path):
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    with pytest.raises(AudiodetError, match=words):
        read_run(tmp_path)
