"""``audiodet evaluate``, ``tune`` and ``compare``, against detect's own rows and sed_eval."""

import json
import shutil

import pytest
from sed_eval.sound_event import EventBasedMetrics

from audiodet.cli import main
from audiodet.inference.detector import Detector
from audiodet.inference.journal import NAME
from audiodet.inference.loading import load_model
from tests.inference.conftest import rows
from tests.tiny import LABELS

WINDOW = ["--window", "4", "--overlap", "1.5", "--device", "cpu"]
KEYS = ("event_onset", "event_offset", "event_label")


@pytest.fixture(scope="module")
def labelled(folder, model, tmp_path_factory):
    """Of five recordings half of what the model finds is true, some under the other label."""
    lines = ["filename\tonset\toffset\tevent_label"]
    detector = Detector(model, 0.3, window=4.0, overlap=1.5)
    for path in sorted(folder.iterdir())[2:7]:
        lines.append(path.name)
        for number, event in enumerate(detector.detect(path)):
            label = LABELS[1 - LABELS.index(event.label)] if number % 4 == 2 else event.label
            if number % 2 == 0:
                lines.append(f"{path.name}\t{event.onset + 0.02:.3f}\t{event.offset:.3f}\t{label}")
    table = tmp_path_factory.mktemp("labelled") / "test.tsv"
    table.write_text("\n".join(lines) + "\n")
    return f"{table}:{folder}"


@pytest.fixture
def mine(checkpoint, tmp_path):
    """A copy of the model in a folder of its own."""
    shutil.copy(checkpoint, tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


def listed(table) -> dict:
    """Events by file as sed_eval reads them."""
    events = {}
    for name, *cells in rows(table):
        found = events.setdefault(name.rpartition("/")[2], [])
        if any(cells):
            found.append(dict(zip(KEYS, (float(cells[0]), float(cells[1]), cells[2]))))
    return events


def sed_eval_f1(truth, found, collar) -> dict:
    metrics = EventBasedMetrics(LABELS, evaluate_offset=False, t_collar=collar)
    for name, events in truth.items():
        metrics.evaluate(events, found[name])
    classes = metrics.results_class_wise_metrics()
    return {label: 100 * classes[label]["f_measure"]["f_measure"] for label in LABELS}


def test_evaluate_scores_what_detect_reports(checkpoint, labelled, detect, folder, tmp_path, capfd):
    options = [*WINDOW, "--threshold", "0.31", "--collar", "0.1", "-o", str(tmp_path / "ev")]
    options.append("--psds")
    assert main(["evaluate", checkpoint, labelled, *options]) == 0
    said = capfd.readouterr().out
    assert detect(folder, "-o", tmp_path / "run", "--threshold", "0.31")[0] == 0
    found = listed(tmp_path / "run" / "audiodet_events.tsv")
    mine = listed(tmp_path / "ev" / "events.tsv")
    assert set(mine) == {f"{number:02}.wav" for number in range(2, 7)}
    for name, events in mine.items():
        assert [event["event_label"] for event in events] == [
            event["event_label"] for event in found[name]
        ]
    f1 = sed_eval_f1(listed(labelled.partition(":")[0]), found, 0.1)
    metrics = json.loads((tmp_path / "ev" / "metrics.json").read_text())
    for label in LABELS:
        assert metrics["sed"][f"F1-{label}"] == pytest.approx(f1[label]) and f1[label] > 10
        assert f"{f1[label]:.1f} [" in said
    assert metrics["sed"]["F1-burst-low"] < metrics["sed"]["F1-burst-high"]
    assert metrics["thresholds"] == {"burst": 0.31, "tone": 0.31}
    confused = metrics["confusion"]["events"]
    truth = [e for events in listed(labelled.partition(":")[0]).values() for e in events]
    assert sum(map(sum, confused[:2])) == len(truth) and confused[0][1] + confused[1][0] > 0
    assert 0 <= metrics["scores"]["PSDS1"] <= 1 and "PSDS1" in said and "true \\ reported" in said


def test_offsets_count_when_asked(checkpoint, labelled, tmp_path):
    f1 = []
    for number, options in enumerate([[], ["--offset", "0.0"]]):
        out = str(tmp_path / str(number))
        options = [*WINDOW, "--collar", "0.03", *options, "-o", out]
        assert main(["evaluate", checkpoint, labelled, *options]) == 0
        f1.append(json.loads((tmp_path / str(number) / "metrics.json").read_text())["sed"]["F1"])
    assert (
        f1[0] == pytest.approx(f1[1], abs=15) and f1[0] > 0
    )  # offsets of the truth are found ones


def test_bad_recordings_are_named_and_the_others_scored(checkpoint, bad, tmp_path, capsys):
    table = tmp_path / "labels.tsv"
    names = ("a.wav", "text.wav", "z.wav")
    table.write_text("filename\tonset\toffset\tevent_label\n" + "\n".join(names) + "\n")
    with open(table, "a") as file:
        file.write("a.wav\t0.5\t1.0\ttone\nz.wav\t700\t900\ttone\na.wav\t2\t2.5\tmoose\n")
    assert main(["evaluate", checkpoint, f"{table}:{bad}", *WINDOW]) == 3
    said = capsys.readouterr()
    assert "1 clips, event-based" in said.out
    assert "error: " in said.err and "text.wav: not audio" in said.err
    assert "z.wav: an event begins at 700 s, expected inside its 3.000 s" in said.err
    assert "note: not labels of the model, left out: moose" in said.err


@pytest.mark.parametrize(
    "text, words",
    [
        ("filename\tonset\toffset\tevent_label\na.wav\t0\t1\tmoose\n", "has the labels moose"),
        ("filename\tevent_labels\na.wav\ttone\n", "weak labels, expected events with onset"),
        ("filename\tonset\toffset\tevent_label\na.wav\t1\t0\ttone\n", "expected 0 <= onset"),
        ("filename\tonset\toffset\tevent_label\nno.wav\t0\t1\ttone\n", "no.wav"),
    ],
)
@pytest.mark.parametrize("command", ["evaluate", "tune"])
def test_labels_that_cannot_be_scored(command, text, words, mine, bad, tmp_path, capsys):
    (tmp_path / "labels.tsv").write_text(text)
    assert main([command, mine, f"{tmp_path}/labels.tsv:{bad}", *WINDOW]) == 1
    said = capsys.readouterr().err
    assert words in said and said.count("error: ") == 1 and "Traceback" not in said
    assert not (tmp_path / "thresholds.json").exists()


def test_tuned_thresholds_are_found_by_detect_and_score_as_said(mine, labelled, tmp_path, capsys):
    options = [*WINDOW, "--collar", "0.1"]
    assert main(["tune", mine, labelled, *options]) == 0
    said = capsys.readouterr().out
    content = json.loads((tmp_path / "thresholds.json").read_text())
    assert content["goal"] == "best F1" and content["collar"] == 0.1
    detector = Detector(load_model(mine))
    assert detector.thresholds == content["thresholds"]
    assert detector.min_lengths == content["min_lengths"]
    assert main(["evaluate", mine, labelled, *options, "-o", str(tmp_path / "ev")]) == 0
    f1 = json.loads((tmp_path / "ev" / "metrics.json").read_text())["sed"]
    for label in LABELS:
        (line,) = [x for x in said.splitlines() if x.split()[:1] == [label]]
        assert line.split()[5] == f"{f1[f'F1-{label}']:.1f}"
    curve = rows(tmp_path / "tuning.tsv")
    best = {label: max(float(x[4]) for x in curve if x[0] == label) for label in LABELS}
    for label in LABELS:
        assert f1[f"F1-{label}"] == pytest.approx(best[label], abs=0.01)


def test_a_goal_that_cannot_be_reached_says_the_best(mine, labelled, tmp_path, capsys):
    options = [*WINDOW, "--precision", "1", "--collar", "0"]
    assert main(["tune", mine, labelled, *options]) == 0
    said = capsys.readouterr().out
    assert "precision of at least 100 % cannot be reached; the best that can: precision" in said
    assert "burst" in json.loads((tmp_path / "thresholds.json").read_text())["missed"]
    assert main(["tune", mine, labelled, *WINDOW, "--false-alarms-per-hour", "200"]) == 0
    assert "goal: at most 200 false alarms an hour" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--precision", "2"], ["--goal", "f1", "--precision", "1"]])
def test_goals_that_make_no_sense(options, mine, labelled):
    with pytest.raises(SystemExit) as stop:
        main(["tune", mine, labelled, *options])
    assert stop.value.code == 2


def test_a_model_that_ships_stays_as_it_is(labelled, tmp_path, capsys):
    assert main(["tune", "rcrnn_rare", labelled]) == 1
    assert "rcrnn_rare ships with audiodet and stays as it is, expected -o OUT" in (
        capsys.readouterr().err
    )


def test_a_tuned_copy_detects_like_the_model_but_for_thresholds(mine, labelled, folder, tmp_path):
    out = str(tmp_path / "copy")
    assert main(["tune", mine, labelled, *WINDOW, "-o", out]) == 0
    assert not (tmp_path / "thresholds.json").exists()
    shutil.move(out, tmp_path / "moved")
    copy = Detector(load_model(str(tmp_path / "moved")), floor=0.0)
    model = Detector(load_model(mine), copy.thresholds, floor=0.0)
    assert copy.thresholds != Detector(load_model(mine)).thresholds
    (found, expected) = ([*d.detect_many([folder / "02.wav"])][0] for d in (copy, model))
    assert found.candidates == expected.candidates
    assert set(found.events) <= set(expected.events)


def test_a_run_goes_over_to_tuned_thresholds_without_the_network(
    mine, labelled, detect, folder, tmp_path, monkeypatch
):
    run = ("-o", tmp_path / "run", "--weights", mine, "--config-file", tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text(load_model(mine).cfg.dump())
    assert detect(folder, *run)[0] == 0
    assert main(["tune", mine, labelled, *WINDOW]) == 0
    monkeypatch.setattr(Detector, "listen", None)
    assert detect(folder, *run, "--resume", "--threshold", "model")[0] == 0
    report = json.loads((tmp_path / "run" / "audiodet_run.json").read_text())
    tuned = json.loads((tmp_path / "thresholds.json").read_text())
    assert report["parameters"]["thresholds"] == tuned["thresholds"]
    assert report["parameters"]["min_lengths"] == tuned["min_lengths"]
    assert (tmp_path / "run" / NAME).read_text().count('"decided"') == 1


def test_compare_with_itself_and_with_other_thresholds(
    checkpoint, mine, labelled, tmp_path, capsys
):
    assert main(["compare", checkpoint, mine, labelled, *WINDOW, "-o", str(tmp_path / "c")]) == 0
    said = capsys.readouterr().out
    assert "equally many in 5" in said and "is better" not in said
    same = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert set(map(tuple, same["differences"].values())) == {(0.0, 0.0, 0.0)}
    decisions = {"thresholds": dict.fromkeys(LABELS, 0.99), "min_lengths": dict.fromkeys(LABELS, 0)}
    (tmp_path / "thresholds.json").write_text(json.dumps(decisions))  # finds nothing
    assert main(["compare", checkpoint, mine, labelled, *WINDOW, "-o", str(tmp_path / "c")]) == 0
    other = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert other["differences"]["F1"][0] > 0 and other["differences"]["F1"][1] > 0
    assert len(other["a"]) + len(other["b"]) + other["equal"] == 5
    assert "A is better" in capsys.readouterr().out


def test_compare_needs_labels_that_both_know(checkpoint, labelled, capsys):
    assert main(["compare", checkpoint, "rcrnn_rare", labelled]) == 1
    assert "expected labels that both know" in capsys.readouterr().err
