"""``audiodet detect``: what it writes, says and returns."""

import json
import sys

import pytest
from tqdm import tqdm
import soundfile as sf

from audiodet.inference import outputs
from audiodet.inference.detector import Detector
from tests.inference.conftest import rows, silence
from tests.inference.sounds import sound
from tests.tiny import LABELS, RATE


def test_rows_are_the_detectors_events(detect, model, folder, tmp_path):
    out = tmp_path / "out"
    code, said, told = detect(folder, "-o", out, "--threshold", "0.3")
    assert code == 0 and said == "" and f"{out}/audiodet_events.tsv" in told
    detector, expected = Detector(model, 0.3, window=4.0, overlap=1.5), []
    for path in sorted(folder.iterdir()):
        events = [[f"{e.onset:.3f}", f"{e.offset:.3f}", e.label] for e in detector.detect(path)]
        expected += [[str(path), *event] for event in events or [["", "", ""]]]
    found = rows(out / "audiodet_events.tsv")
    assert [row[:4] for row in found] == expected and len(found) > 12
    assert not (out / "errors.tsv").exists()


def test_the_run_is_described(detect, folder, tmp_path):
    assert detect(folder, "-o", tmp_path, "--threshold", "tone=0.4")[0] == 0
    report = json.loads((tmp_path / "audiodet_run.json").read_text())
    assert report["parameters"]["thresholds"] == {"burst": 0.0, "tone": 0.4}
    assert report["labels"] == LABELS and report["device"] == "cpu"
    assert report["inputs"] == [str(folder)] and report["detectron2"]["source"]
    for key in ("config_hash", "weights_hash"):
        assert len(report["parameters"][key]) == 16
    seconds = sum(sf.info(path).duration for path in folder.iterdir())
    assert report["seconds_of_audio"] == pytest.approx(seconds, abs=1e-3)
    assert report["counts"]["recordings"] == 12 and report["counts"]["failed"] == 0
    events = [row for row in rows(tmp_path / "audiodet_events.tsv") if row[1]]
    assert report["counts"]["events"] == len(events)
    assert report["wall_seconds"] > 0 and {"torch", "audiodet"} < set(report["versions"])


def test_bad_files_spoil_nothing(detect, bad, tmp_path):
    code, _, told = detect(bad, "nowhere.wav", "-o", tmp_path / "out")
    assert code == 3 and "3 inputs failed" in told
    errors = rows(tmp_path / "out" / "errors.tsv")
    names, reasons = zip(*errors)
    assert names == (str(bad / "text.wav"), str(bad / "void.flac"), "nowhere.wav")
    for reason, words in zip(reasons, ("not audio", "0 bytes", "no such file")):
        assert words in reason
    found = rows(tmp_path / "out" / "audiodet_events.tsv")
    assert {row[0] for row in found} == {str(bad / "a.wav"), str(bad / "z.wav")}
    (bad / "text.wav").unlink()
    (bad / "void.flac").unlink()
    assert detect(bad, "-o", tmp_path / "out", "--resume")[0] == 0
    assert not (tmp_path / "out" / "errors.tsv").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "required: INPUT"),
        (["x", "--format", "xml"], "'xml', expected one of tsv, csv"),
        (["x", "--threshold", "loud"], "'loud', expected a number"),
        (["x", "--threshold", "nan"], "'nan', expected a number"),
        (["x", "--batch-size", "0"], "'0', expected a number of at least 1"),
        (["x", "-o", "-", "--resume"], "expected one --format and no --resume"),
        (["x", "-o", "-", "--format", "parquet"], "parquet is not written to stdout"),
        (["x", "-o", "-", "--format", "audacity"], "audacity is not written to stdout"),
        (["x", "--weights", "w.pth"], "--config-file and --weights belong together"),
        (["--ray", "x"], "'x', expected auto, host:port"),
    ],
)
def test_wrong_usage(arguments, words, detect):
    code, said, told = detect(*arguments)
    assert code == 2 and words in told and said == ""


@pytest.mark.parametrize(
    "options, words",
    [
        (["--model", "nothing"], "nothing: no such model or file; models that ship: audiodet_rare"),
        (["--threshold", "dog=0.5"], "thresholds are given for ['burst', 'dog', 'tone']"),
        (["--device", "tpu9"], "device 'tpu9' does not work"),
        (["--overlap", "3"], "windows of 4.0 s overlap by 3.0 s"),
        (["-o", "/dev/null/out"], "/dev/null/out: cannot be written to"),
    ],
)
def test_failures_are_one_line(options, words, detect, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said, told = detect(folder, *options)
    assert code == 1 and said == "" and told.startswith("error: ") and told.count("\n") == 1
    assert words in told


def test_a_model_by_configuration_and_weights(detect, checkpoint, folder, model, tmp_path):
    config = tmp_path / "tiny.yaml"
    config.write_text(model.cfg.dump())
    arguments = ("--config-file", config, "--weights", checkpoint, "-o", tmp_path / "b")
    assert detect(folder / "02.wav", "-o", tmp_path / "a")[0] == 0
    assert detect(folder / "02.wav", *arguments)[0] == 0
    a, b = (rows(tmp_path / name / "audiodet_events.tsv") for name in "ab")
    assert a == b


def test_resume_with_other_parameters_is_refused(detect, folder, tmp_path):
    assert detect(folder, "-o", tmp_path)[0] == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, _, told = detect(folder, "-o", tmp_path)
    assert code == 1 and "holds another run; continue it with --resume" in told
    code, _, told = detect(folder, "-o", tmp_path, "--resume", "--model", "rcrnn_rare")
    assert code == 1 and "tiny.safetensors" in told and "'rcrnn_rare'" in told
    assert detect(folder, "-o", tmp_path, "--resume", window=6.0)[0] == 1
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_resume_of_a_finished_run_changes_nothing_but_sees_new_files(detect, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.wav", "c.wav"):
        sf.write(source / name, sound(2.0), RATE)
    assert detect(source, "-o", out)[0] == 0
    before = (out / "audiodet_events.tsv").read_bytes()
    assert detect(source, "-o", out, "--resume", "--format", "tsv,csv")[0] == 0
    assert (out / "audiodet_events.tsv").read_bytes() == before
    assert (out / "audiodet_events.csv").exists()
    assert json.loads((out / "audiodet_run.json").read_text())["counts"]["resumed"] == 2
    sf.write(source / "b.wav", sound(2.0, 1), RATE)
    sf.write(source / "c.wav", sound(3.0, 2), RATE)  # another recording by that name
    assert detect(source, "-o", out, "--resume")[0] == 0
    assert detect(source, "-o", tmp_path / "fresh")[0] == 0
    fresh = (tmp_path / "fresh" / "audiodet_events.tsv").read_bytes()
    assert (out / "audiodet_events.tsv").read_bytes() == fresh != before


def test_resume_in_another_format_leaves_no_table_behind(detect, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number, name in enumerate(("a.wav", "b.wav")):
        sf.write(source / name, sound(2.0, number), RATE)
        options = ("--format", "tsv,audacity") if not number else ("--format", "csv", "--resume")
        assert detect(source, "-o", out, *options)[0] == 0
    names = {row[0] for row in rows(out / "audiodet_events.tsv")}
    assert names == {str(source / "a.wav"), str(source / "b.wav")}
    assert len(list((out / "audiodet_labels").iterdir())) == 2
    report = json.loads((out / "audiodet_run.json").read_text())
    assert report["formats"] == ["csv", "tsv", "audacity"]


def test_interrupted(detect, folder, tmp_path, monkeypatch):
    place, seen = Detector.detect_many, []

    def interrupt(self, *arguments):
        for found in place(self, *arguments):
            yield found
            seen.append(found)
            if len(seen) == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(Detector, "detect_many", interrupt)
    code, _, told = detect(folder, "-o", tmp_path / "out")
    assert code == 130
    assert "interrupted: 4 of 12 recordings are done; continue with --resume" in told
    monkeypatch.undo()
    assert detect(folder, "-o", tmp_path / "out", "--resume")[0] == 0
    assert detect(folder, "-o", tmp_path / "fresh")[0] == 0
    found, fresh = (rows(tmp_path / name / "audiodet_events.tsv") for name in ("out", "fresh"))
    assert found == fresh


def test_missing_packages_are_named(detect, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    for options, package in ((["--format", "parquet"], "pyarrow"), (["--ray"], "ray")):
        code, _, told = detect(folder, "-o", tmp_path / "out", *options)
        assert code == 1 and f"Run: pip install {package}\n" in told and told.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_leftovers_of_a_killed_run_are_removed(detect, folder, tmp_path):
    (tmp_path / ".audiodet_events.123.tmp.tsv").touch()
    (tmp_path / ".audiodet_labels.123.tmp").mkdir()
    assert detect(folder / "02.wav", "-o", tmp_path, "--format", "audacity")[0] == 0
    assert not list(tmp_path.glob(".*"))


def test_outputs_that_fail_leave_what_was_there(detect, folder, tmp_path, monkeypatch):
    assert detect(folder / "02.wav", "-o", tmp_path)[0] == 0
    before = (tmp_path / "audiodet_events.tsv").read_bytes()

    def full(path, table, recordings):
        with outputs.atomic_path(path):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "_write_table", full)
    code, _, told = detect(folder, "-o", tmp_path, "--resume")
    assert code == 1 and "audiodet_events.tsv: cannot be written (No space left on device)" in told
    assert (tmp_path / "audiodet_events.tsv").read_bytes() == before


def test_two_inputs_with_one_stem(detect, folder, tmp_path):
    sources = [tmp_path / "x" / "a.wav", tmp_path / "y" / "a.wav", tmp_path / "y" / "a.flac"]
    for number, path in enumerate(sources):
        path.parent.mkdir(exist_ok=True)
        sf.write(path, sound(2.0, number), RATE)
    out = tmp_path / "out"
    assert detect(*sources, "-o", out, "--format", "tsv,audacity,rttm")[0] == 0
    assert {row[0] for row in rows(out / "audiodet_events.tsv")} == set(map(str, sources))
    assert len(list((out / "audiodet_labels").iterdir())) == 3
    ids = [line.split()[1] for line in (out / "audiodet_events.rttm").read_text().splitlines()]
    assert list(dict.fromkeys(ids)) == ["a", "a_2", "a_3"]


def test_progress_only_on_a_terminal(detect, folder, tmp_path, monkeypatch):
    """All bytes are done at the end, a recording of several windows counts once."""
    assert "%" not in detect(folder, "-o", tmp_path / "a")[2]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shown = detect(folder, "-o", tmp_path / "b", window=2.0, overlap=0.5)[2]
    size = tqdm.format_sizeof(sum(path.stat().st_size for path in folder.iterdir()))
    assert "100%" in shown and f"{size}/{size}" in shown and "B/s" in shown


def test_silence_gives_a_row_without_an_event(detect, tmp_path):
    path = silence(tmp_path / "a.wav")
    assert detect(path, "-o", tmp_path / "out", "--threshold", "1")[0] == 0
    assert rows(tmp_path / "out" / "audiodet_events.tsv") == [[path, "", "", "", ""]]
