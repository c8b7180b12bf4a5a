"""What is on the page and which files it is made of; no browser is needed."""

import multiprocessing
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from audiodet.cli import main
from audiodet.errors import AudiodetError, DataError, WeightsError
from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event
from audiodet.inference.detector import Detector
from audiodet.visualization.report import (
    Options,
    Run,
    add_curves,
    add_truth,
    from_clips,
    from_folder,
    media,
    write_report,
)
from tests.visualization.report.runs import EVENTS, RATE, THRESHOLDS, TRUTH, data_of, write_run


@pytest.fixture
def run(tmp_path) -> Path:
    return write_run(tmp_path)


def test_the_page_has_the_events_of_the_run(run):
    assert main(["report", str(run)]) == 0
    page = run / "report" / "index.html"
    data = data_of(page)
    assert (data["labels"], data["thresholds"]) == (list(THRESHOLDS), list(THRESHOLDS.values()))
    names = [Path(recording["path"]).name for recording in data["recordings"]]
    assert names == sorted(EVENTS)
    items = data["items"]
    shown = set()
    for place, recording in enumerate(items["recording"]):
        times = (items["onset"][place], items["offset"][place])
        shown.add((names[recording], *times, data["labels"][items["label"][place]]))
    expected = {(name, *event[:3]) for name, events in EVENTS.items() for event in events}
    assert shown == expected
    clips = {int(place) for place in data["clips"]}
    assert clips == set(range(7))
    for folder, suffix in (("clips", data["suffix"]), ("strips", ".png")):
        assert {path.name for path in (run / "report" / folder).iterdir()} == {
            f"{file}{suffix}" for *_, file in data["clips"].values()
        }


def test_events_that_lie_close_share_a_clip(tmp_path):
    """One that lies a second inside the clip of the one before it; in the order of onsets."""
    times = [(3.0, 4.0), (4.2, 4.8), (4.6, 5.2), (10.5, 11.0), (11.5, 12.0)]
    events = {"yard.wav": [Event(*pair, "dog", 0.9) for pair in times]}
    run = write_run(tmp_path, events)
    assert main(["report", str(run)]) == 0
    clips = data_of(run / "report" / "index.html")["clips"]
    assert [file for *_, file in clips.values()] == [0, 0, 2, 3, 3]  # the last: to the end
    assert clips["1"] == clips["0"] and clips["0"][:2] == [1.0, 5.0]
    for folder in ("clips", "strips"):
        names = {path.stem for path in (run / "report" / folder).iterdir()}
        assert names == {"0", "2", "3"}


def test_nothing_of_the_page_is_on_a_network(run):
    main(["report", str(run)])
    html = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in html


def test_one_file_holds_all(run, tmp_path):
    assert main(["report", str(run), "-o", str(tmp_path / "page.html")]) == 0
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'id="clips/0.' in html and 'id="strips/6.png"' in html
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio", "page.html", "run"]


def test_most_clips_of_a_class_reported_events_first(run):
    main(["report", str(run), "--max-clips", "3"])
    data = data_of(run / "report" / "index.html")
    items = data["items"]
    with_clip = sorted(
        (data["labels"][items["label"][int(place)]], items["score"][int(place)])
        for place in data["clips"]
    )
    assert with_clip == [("car", 0.6), ("car", 0.8), ("dog", 0.55), ("dog", 0.7), ("dog", 0.9)]
    assert data["maxClips"] == 3


def test_truth_gives_hits_thresholds_and_rivals(run, tmp_path):
    (tmp_path / "truth.tsv").write_text(TRUTH)
    spec = f"{tmp_path / 'truth.tsv'}:{tmp_path / 'audio'}"
    assert main(["report", str(run), "--truth", spec]) == 0
    data = data_of(run / "report" / "index.html")
    items = data["items"]
    assert data["found"] == 7
    # night; street; yard
    assert items["hit"] == [0, 1, 0, 1, 0, 1, 0, None, None, None, None]
    assert items["score"][7:] == [0.8, 0.9, None, 0.3]
    assert data["rivals"] == {"4": [9]}  # the car in the yard, where a dog was


def test_truth_without_its_folder_is_looked_for_where_the_recordings_lie(run, tmp_path):
    (tmp_path / "truth.tsv").write_text(TRUTH)
    assert main(["report", str(run), "--truth", str(tmp_path / "truth.tsv")]) == 0
    assert any(data_of(run / "report" / "index.html")["items"]["hit"])


def test_truth_of_other_recordings_is_refused(run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "sea.wav").write_bytes((tmp_path / "audio" / "yard.wav").read_bytes())
    (other / "truth.tsv").write_text("filename\tonset\toffset\tevent_label\nsea.wav\t1\t2\tdog\n")
    with pytest.raises(DataError, match="sea.wav.*expected those of the run: .*night.wav"):
        add_truth(from_folder(run), f"{other / 'truth.tsv'}:{other}")


def test_a_recording_that_vanished_is_named_and_the_rest_goes_on(run, tmp_path, capsys):
    (tmp_path / "audio" / "yard.wav").unlink()
    assert main(["report", str(run)]) == 3
    assert "yard.wav: " in capsys.readouterr().err
    data = data_of(run / "report" / "index.html")
    ((path, reason),) = data["problems"]
    assert path.endswith("yard.wav") and "no such file" in reason.lower()
    assert len(data["clips"]) == 3 and data["found"] == 7


def test_recordings_that_failed_in_detect_are_on_the_page(tmp_path):
    run = write_run(tmp_path, errors=[("broken.wav", "not audio")])
    assert main(["report", str(run)]) == 3
    assert data_of(run / "report" / "index.html")["problems"] == [["broken.wav", "not audio"]]


HOSTILE = '</script><img src=x onerror="boom()">"\'&\n\tend'


def test_names_and_labels_cannot_leave_their_places(tmp_path):
    name = "<b>a & b'\"</b>\n.wav".replace("/", "_")
    run = write_run(tmp_path, {name: [Event(1, 2, HOSTILE, 0.9)]}, {HOSTILE: 0.5})
    run.rename(tmp_path / "<i>run")
    assert main(["report", str(tmp_path / "<i>run")]) == 0
    page = tmp_path / "<i>run" / "report" / "index.html"
    html = page.read_text(encoding="utf-8")
    assert "onerror=" not in html.replace('\\u003cimg src=x onerror=\\"boom()\\"', "")
    assert "<title>&lt;i&gt;run" in html
    assert html.count("<script") == 2
    data = data_of(page)
    assert data["labels"] == [HOSTILE]
    assert data["recordings"][0]["path"].endswith("<b>a & b'\"<_b>\\n.wav")


def test_recordings_are_read_only(run, tmp_path):
    files = sorted((tmp_path / "audio").iterdir())
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    main(["report", str(run)])
    assert sorted((tmp_path / "audio").iterdir()) == files
    assert before == [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]


@pytest.mark.parametrize("output", ["audio", "audio/yard.wav", "notes.html"])
def test_nothing_but_a_page_is_replaced(run, tmp_path, output):
    (tmp_path / "notes.html").write_text("<p>mine</p>")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AudiodetError, match="expected a page of audiodet or none"):
        write_report(from_folder(run), tmp_path / output)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "notes.html").read_text() == "<p>mine</p>"


def test_a_page_is_made_anew_whole(run):
    main(["report", str(run)])
    main(["report", str(run), "--max-clips", "0"])
    assert not list((run / "report" / "clips").iterdir())
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


def write_and_wait(run: Path, drawing) -> None:
    """Write the page and stop where the first picture is drawn."""
    media.encode_strip = lambda samples, rate: drawing.set() or time.sleep(60)
    write_report(from_folder(run), run / "report")


def test_a_killed_report_leaves_the_page_that_was_there(run):
    main(["report", str(run)])
    page = run / "report" / "index.html"
    before = page.read_bytes()
    context = multiprocessing.get_context("fork")
    drawing = context.Event()
    process = context.Process(target=write_and_wait, args=(run, drawing))
    process.start()
    assert drawing.wait(30)
    process.kill()
    process.join()
    assert page.read_bytes() == before
    assert [path for path in run.iterdir() if path.name.endswith(".tmp")]
    main(["report", str(run)])
    assert not [path for path in run.iterdir() if path.name.endswith(".tmp")]


def test_a_run_is_known_by_its_events_not_by_its_thresholds(tmp_path):
    first = from_folder(write_run(tmp_path / "a"))
    assert first.identity() == from_folder(tmp_path / "a" / "run").identity()
    first.thresholds = {"dog": 0.1, "car": 0.1}
    assert first.identity() == from_folder(tmp_path / "a" / "run").identity()
    first.recordings[0].events[0] = Event(3.0, 4.0, "dog", 0.25)
    assert first.identity() != from_folder(tmp_path / "a" / "run").identity()


def test_scored_clips_make_a_page(tmp_path):
    write_run(tmp_path)
    clip = ClipResult("yard", 12.0, [Event(1, 2, "dog")], [Event(1.1, 2, "dog", 0.7)])
    paths = {"yard": str(tmp_path / "audio" / "yard.wav")}
    run = from_clips("test", "mine", [clip], {"dog": 0.5}, paths)
    data = data_of(write_report(run, tmp_path / "page"))
    assert data["items"]["hit"] == [1, None] and data["items"]["score"] == [0.7, 0.7]


def test_curves_are_those_of_the_model_of_the_run(tmp_path):
    """What the shipped model says of a bang, on the page; a run of another model is refused."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.001, 12 * RATE)
    bang = rng.normal(0, 0.5, RATE // 2) * np.exp(-np.arange(RATE // 2) / 1500)
    samples[2 * RATE : 2 * RATE + len(bang)] += bang
    audio = tmp_path / "bang.wav"
    sf.write(audio, samples, RATE)
    folder = tmp_path / "run"
    options = ["--model=rcrnn_rare", "--threshold=0.1", "--device=cpu"]
    assert main(["detect", str(audio), "-o", str(folder), *options]) == 0
    run = from_folder(folder)
    add_curves(run, "cpu")
    data = data_of(write_report(run, tmp_path / "page"))
    scores = Detector.from_pretrained("rcrnn_rare", "cpu").scores(audio)
    gunshot = str(data["labels"].index("gunshot"))
    for place, (start, seconds, *_) in data["clips"].items():
        values = data["curves"][place][gunshot]
        times = start + (np.arange(100) + 0.5) * seconds / 100
        expected = np.interp(times, scores.seconds, scores["gunshot"])
        assert max(values) > 50 and np.corrcoef(values, expected)[0, 1] > 0.9
    assert data["clips"]
    with pytest.raises(WeightsError, match="expected the model of the run"):
        add_curves(replace(run, parameters={"weights_hash": "other"}), "cpu")


def test_a_run_without_events_or_recordings(tmp_path):
    data = data_of(write_report(Run("none", "a", ["dog"], {"dog": 0.5}, []), tmp_path / "page"))
    assert data["found"] == 0 and data["labels"] == ["dog"]


@pytest.mark.parametrize(
    "name, began",
    [
        ("20240501_063000.wav", "2024-05-01T06:30:00"),
        ("site_2024-05-01T06-30-00_x.wav", "2024-05-01T06:30:00"),
        ("20249901_063000.wav", None),
        ("mixture_0001.wav", None),
    ],
)
def test_when_a_recording_began(tmp_path, name, began):
    run = write_run(tmp_path, {name: []})
    data = data_of(write_report(from_folder(run), tmp_path / "page", Options(0)))
    assert data["recordings"][0]["began"] == began


def test_detect_makes_the_page_too(tmp_path, monkeypatch):
    """--report after a run that could use some of its inputs: the worse exit code counts."""
    from audiodet.inference import run as detect

    def pretend(request):
        write_run(tmp_path)
        return 3

    monkeypatch.setattr(detect, "run", pretend)
    code = main(["detect", str(tmp_path), "-o", str(tmp_path / "run"), "--report"])
    assert code == 3 and (tmp_path / "run" / "report" / "index.html").is_file()


def test_a_folder_without_a_run(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err
