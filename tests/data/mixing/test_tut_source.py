"""The official source data of TUT Rare Sound Events, rebuilt small, and the sets made of it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml

from audiodet.data.datasets.tut_rare import LABELS, load_made
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.errors import DataError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def source(tmp_path):
    """Twelve backgrounds of four recordings, and per class six recordings of two events each."""
    root = tmp_path / "data" / "source_data"
    rng = np.random.default_rng(0)

    def write(path, seconds):
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, 0.1 * rng.standard_normal(round(seconds * 8000)), 8000)

    setup = root / "cv_setup"
    setup.mkdir(parents=True)
    for number, subset in enumerate(("devtrain", "devtest")):
        backgrounds = []
        for place in range(6):
            name = f"audio/a{number}{place % 2:02d}_{place}_30.wav"
            write(root / "bgs" / name, 30)
            backgrounds.append({"filepath": name, "classname": "park"})
        events = {}
        for label in LABELS:
            events[label] = []
            for place in range(6):
                name = f"{number}{place}.wav"
                write(root / "events" / label / name, 2)
                for segment in ([0.25, 0.75], [1.0, 1.5]):
                    events[label].append({"audio_filename": name, "segment": segment})
        (setup / f"bgs_{subset}.yaml").write_text(yaml.dump(backgrounds))
        (setup / f"events_{subset}.yaml").write_text(yaml.dump(events))
    return root


def test_segments_backgrounds_and_the_official_split(source):
    bank = load_soundbank(str(source))
    assert bank.labels == sorted(LABELS)
    events = bank.select("events", ["gunshot"], split="train")
    assert [(e.onset, e.offset) for e in events[:2]] == [(0.25, 0.75), (1.0, 1.5)]
    assert events[0].path == "events/gunshot/00.wav" and events[0].split_group == "gunshot/00.wav"
    train = {clip.path for clip in bank.select(split="train")}
    val = {clip.path for clip in bank.select(split="val")}
    assert len(bank.select("events")) == 3 * 2 * 12 and not train & val
    groups = {clip.split_group for clip in bank.select("backgrounds", split="train")}
    assert groups == {"background a000", "background a001"}  # of six files


def test_sets_of_both_papers_by_one_command(source, tmp_path):
    command = [sys.executable, "tools/make_rare_sets.py", str(source), str(tmp_path / "out")]
    command += ["--count", "4", "--val-count", "2"]
    command += ["--sets", "half", "nearly_all", "all", "all_val"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for label in LABELS:
        events = {}
        for made in ("half", "nearly_all", "all", "all_val"):
            clips = load_made(str(tmp_path / "out"), made, label)
            events[made] = sum(len(clip["annotations"]) for clip in clips)
            assert len(clips) == (2 if made == "all_val" else 4)
            assert all(clip["target"] == label and clip["width"] == 30.0 for clip in clips)
        assert events == {"half": 2, "nearly_all": 4, "all": 4, "all_val": 2}
    recipes = {}
    for made in ("all", "all_val"):
        (path,) = (tmp_path / "out").rglob(f"mixture_recipes_{made}_gunshot.yaml")
        recipes[made] = {recipe["event_path"] for recipe in yaml.safe_load(path.read_text())}
    assert not recipes["all"] & recipes["all_val"]
    assert not any("/1" in path for path in recipes["all"] | recipes["all_val"])  # no devtest


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("bgs_devtrain.yaml", None, "bgs_devtrain.yaml: no such list"),
        ("bgs_devtrain.yaml", "{}", "holds a dict, expected a list"),
        ("bgs_devtrain.yaml", "[{filepath: x.wav}]", "expected filepath, classname"),
        ("events_devtest.yaml", "gunshot: [{audio_filename: 10.wav, segment: [3, 4]}]", "segment"),
        ("events_devtest.yaml", "gunshot: [{audio_filename: no.wav, segment: [0, 1]}]", "missing"),
        ("events_devtest.yaml", "[: :", "cannot be read"),
    ],
)
def test_damaged_lists(source, name, content, message):
    path = source / "cv_setup" / name
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message):
        load_soundbank(str(source))
