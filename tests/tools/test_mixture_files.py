"""Mixtures on disk: the official layout, its files and what becomes of a failure."""

import csv
import runpy
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets import setup_datasets
from audiodet.data.datasets.tut_rare import load_tut_rare
from audiodet.data.loader import training_clips
from audiodet.data.mixing.rules import make_polyphonic_recipes
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.recipes import Recipe, recipes_hash
from audiodet.data.mixing.rendering import render, render_parts
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.engine.setup import load_config
from audiodet.errors import DataError
import mixture_files
from mixture_files import write_mixtures

TOOL = Path(__file__).resolve().parents[2] / "tools" / "make_mixtures.py"
OFFICIAL = """bg_path bg_classname event_present event_path event_class
    event_start_in_mixture_seconds event_length_seconds scaling_factor segment_start_seconds
    segment_end_seconds ebr mixture_audio_filename annotation_string""".split()


@pytest.fixture(scope="module")
def recipes(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    settings = {"duration": 4.0, "name": "mixture_devtest", "distractors": 1}
    return [r for c in ("babycry", "gunshot") for r in make_recipes(clips, c, 4, 0, **settings)]


@pytest.fixture(scope="module")
def written(recipes, synthetic_bank, tmp_path_factory):
    root = tmp_path_factory.mktemp("tut")
    top = str(root / "TUT-rare-sound-events-2017-development")
    parameters = {"seed": 0}
    return root, Path(
        write_mixtures(recipes, top, synthetic_bank, 24, "devtest", parameters=parameters)
    )


def test_layout_and_lists(written, recipes):
    root, folder = written
    assert folder.parts[-4:-1] == ("data", "mixture_data", "devtest")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    lists = [f"meta/event_list_devtest_{c}.csv" for c in ("babycry", "gunshot")]
    lists += [f"meta/mixture_recipes_devtest_{c}.yaml" for c in ("babycry", "gunshot")]
    audio = [f"audio/{recipe.name}" for recipe in recipes]
    assert files == sorted(lists + audio + ["labels.tsv", "parameters.yaml"])
    for label, group in (("babycry", recipes[:4]), ("gunshot", recipes[4:])):
        with open(folder / "meta" / f"event_list_devtest_{label}.csv", newline="") as stream:
            rows = list(csv.reader(stream, delimiter="\t"))
        assert [row[0] for row in rows] == [r.name for r in group]
        for row, recipe in zip(rows, group):
            assert len(row) == (4 if recipe.event else 1)
            if recipe.event:
                length = float(row[2]) - float(row[1])
                assert length == pytest.approx(recipe.event.length, abs=2e-6)
                assert row[3] == label
    parameters = yaml.safe_load((folder / "parameters.yaml").read_text())
    assert parameters == {"hash": recipes_hash(recipes), "seed": 0}


def test_recipes_have_the_official_fields_and_true_scaling(written, recipes, synthetic_bank):
    _, folder = written
    stored = yaml.safe_load((folder / "meta" / "mixture_recipes_devtest_babycry.yaml").read_text())
    for written_form, original in zip(stored, recipes):
        assert set(OFFICIAL) <= set(written_form)
        recipe = Recipe.from_dict(written_form)
        samples = render(recipe, synthetic_bank)
        assert np.array_equal(samples, render(original, synthetic_bank))
        assert recipe.distractors[0].scaling_factor > 0
        if not recipe.event:
            assert written_form["scaling_factor"] is None
            continue
        begin, end = (round(written_form[f"segment_{e}_seconds"] * 44100) for e in ("start", "end"))
        event = sf.read(f"{synthetic_bank}/{written_form['event_path']}")[0][begin:end]
        difference = samples - render(replace(recipe, event=None), synthetic_bank)
        first = round(written_form["event_start_in_mixture_seconds"] * 44100)
        expected = 0.2 * written_form["scaling_factor"] * event
        assert np.abs(difference[first : first + len(event)] - expected).max() < 1e-6


def test_files_hold_24_bit_without_clipping(written, recipes, synthetic_bank):
    _, folder = written
    for recipe in recipes:
        path = folder / "audio" / recipe.name
        assert sf.info(path).subtype == "PCM_24" and sf.info(path).samplerate == 44100
        error = sf.read(path, dtype="float64")[0] - render(recipe, synthetic_bank)
        assert np.abs(error).max() <= 2**-23


@pytest.mark.parametrize(
    "bits, subtype, tolerance", [(16, "PCM_16", 2**-15), ("float", "FLOAT", 0)]
)
def test_extreme_recipe_survives_any_format(
    recipes, synthetic_bank, tmp_path, bits, subtype, tolerance
):
    present = next(recipe for recipe in recipes if recipe.event)
    loud = replace(present, event=replace(present.event, ebr=80.0))
    folder = Path(write_mixtures([loud], str(tmp_path), synthetic_bank, bits))
    path = folder / "audio" / loud.name
    samples = sf.read(path, dtype="float64")[0]
    assert sf.info(path).subtype == subtype
    assert 0.99 < np.abs(samples).max() < 1
    assert np.sum(np.abs(samples) == np.abs(samples).max()) == 1  # a clipped peak repeats itself
    assert np.abs(samples - render(loud, synthetic_bank)).max() <= tolerance


def test_the_official_loader_reads_it(written, recipes):
    root, _ = written
    dicts = load_tut_rare(str(root), "devtest", ["babycry", "gunshot"])
    assert len(dicts) == 8
    for d, recipe in zip(dicts, recipes):
        assert d["width"] == pytest.approx(4.0) and d["target"] == recipe.target
        assert len(d["annotations"]) == len(recipe.events)


@pytest.mark.parametrize("bits", [16, 24, "float"])
def test_the_same_recipes_give_the_same_bytes(recipes, synthetic_bank, tmp_path, bits):
    """libsndfile notes the second of writing in files of floats, so more than one lies between."""
    written = []
    for run in ("first", "second"):
        folder = Path(write_mixtures(recipes[:1], str(tmp_path / run), synthetic_bank, bits))
        files = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
        written.append({name: path.read_bytes() for name, path in files.items()})
        time.sleep(1.1 if bits == "float" and run == "first" else 0)
    assert len(written[0]) == 5 and written[0] == written[1]


def test_the_mixtures_can_be_trained_on(written, recipes, tmp_path):
    """As datasets of DATASETS.CUSTOM, empty mixtures among them."""
    _, folder = written
    name, labels = f"{tmp_path.name}_mixtures", ["gunshot", "babycry"]
    spec = f"{name}={folder / 'labels.tsv'}:{folder / 'audio'}"
    opts = ["DATASETS.CUSTOM", str([spec]), "DATASETS.LABELS", str(labels)]
    cfg = load_config("", [*opts, "DATASETS.TRAIN", str([name])])
    setup_datasets(cfg)
    try:
        clips = training_clips(cfg)
    finally:
        for catalog in (DatasetCatalog, MetadataCatalog):
            catalog.remove(name)
    assert [Path(c["file_name"]).name for c in clips] == [recipe.name for recipe in recipes]
    assert {len(recipe.events) for recipe in recipes} == {0, 1}
    for clip, recipe in zip(clips, recipes):
        found = [(*a["bbox"][::2], labels[a["category_id"]]) for a in clip["annotations"]]
        assert len(found) == len(recipe.events)
        for (onset, offset, label), expected in zip(found, recipe.annotations):
            assert (onset, offset) == pytest.approx(expected[:2], abs=1e-6)
            assert label == expected[2]


def test_a_failure_leaves_no_half_file(recipes, synthetic_bank, tmp_path, monkeypatch):
    def disk_full(name, *args, **kwargs):
        Path(name).write_bytes(b"RIFF")
        raise OSError(28, "No space left on device", name)

    monkeypatch.setattr(mixture_files.sf, "write", disk_full)
    with pytest.raises(DataError, match="cannot write.*No space left"):
        write_mixtures(recipes, str(tmp_path), synthetic_bank)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_bad_arguments(recipes, synthetic_bank, tmp_path):
    with pytest.raises(DataError, match="bits 12, expected one of 16, 24, float"):
        write_mixtures(recipes, str(tmp_path), synthetic_bank, 12)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        write_mixtures(recipes, str(tmp_path / "file"), synthetic_bank)


def test_on_disk_each_event_of_a_polyphonic_mixture_has_its_own_scaling(synthetic_bank, tmp_path):
    labels = ("babycry", "glassbreak", "gunshot")
    draw = {"classes": (2, 3), "sounds": (1, 2), "duration": 10.0}
    clips = load_soundbank(synthetic_bank).clips
    recipes = make_polyphonic_recipes(clips, labels, 3, 0, **draw)
    folder = write_mixtures(recipes[:3], str(tmp_path), synthetic_bank, "float", "polyphonic")
    (text,) = [p.read_text() for p in (tmp_path).rglob("mixture_recipes_polyphonic_all.yaml")]
    for written, recipe in zip(yaml.safe_load(text), recipes):
        factors = [sound.scaling_factor for sound in render_parts(recipe, synthetic_bank).events]
        assert [e["scaling_factor"] for e in written["more_events"]] == factors
        assert written["scaling_factor"] is None
        audio, rate = sf.read(f"{folder}/audio/{recipe.name}", dtype="float32")
        np.testing.assert_array_equal(audio, render(recipe, synthetic_bank, rate))
    (lines,) = [p.read_text() for p in tmp_path.rglob("event_list_polyphonic_all.csv")]
    assert len(lines.splitlines()) == sum(len(r.more_events) for r in recipes[:3])


def run_tool(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name="__main__")


def test_tool_writes_sets_of_disjoint_sources(synthetic_bank, tmp_path, monkeypatch, capsys):
    used = {}
    for name in ("devtrain", "devtest"):
        options = ("--classes", "gunshot", "--count", 8, "--duration", 3, "--presence", 0.75)
        run_tool(
            monkeypatch,
            "--soundbank",
            synthetic_bank,
            "--out",
            tmp_path,
            "--set",
            name,
            *options,
            "--ebrs",
            -3,
            3,
            "--bits",
            "16",
        )
        folder = Path(capsys.readouterr().out.strip())
        stored = folder / "meta" / f"mixture_recipes_{name}_gunshot.yaml"
        recipes = yaml.safe_load(stored.read_text())
        assert sum(recipe["event_present"] for recipe in recipes) == 6
        assert {recipe["ebr"] for recipe in recipes} == {-3.0, 3.0, None}
        assert all(len(sf.read(p)[0]) == 3 * 44100 for p in (folder / "audio").iterdir())
        used[name] = {r["event_path"] for r in recipes} | {r["bg_path"] for r in recipes}
    assert used["devtrain"] & used["devtest"] <= {None}


def test_tool_cuts_long_events_and_counts_them(synthetic_bank, tmp_path, monkeypatch, capsys):
    options = ("--classes", "babycry", "--count", 4, "--presence", 1, "--duration", 3)
    clips = load_soundbank(synthetic_bank).select("events", split="train")
    long = [clip for clip in clips if clip.duration > 0.3]
    opts = ("--soundbank", synthetic_bank, "--out", tmp_path, *options, "--longest", 0.3)
    run_tool(monkeypatch, *opts)
    said = capsys.readouterr()
    assert f"{len(long)} events are longer than 0.3 s" in said.err and long[0].path in said.err
    stored = Path(said.out.strip()) / "meta" / "mixture_recipes_devtrain_babycry.yaml"
    lengths = {r["event_length_seconds"] for r in yaml.safe_load(stored.read_text())}
    assert lengths == {0.3}


def test_tool_writes_polyphonic_mixtures(synthetic_bank, tmp_path, monkeypatch, capsys):
    options = ("--polyphonic", "--count", 3, "--duration", 12)
    run_tool(monkeypatch, "--soundbank", synthetic_bank, "--out", tmp_path, *options)
    folder = Path(capsys.readouterr().out.strip())
    recipes = yaml.safe_load((folder / "meta" / "mixture_recipes_devtrain_all.yaml").read_text())
    assert len(recipes) == 3 == len(list((folder / "audio").iterdir()))
    assert all(len({e["event_class"] for e in recipe["more_events"]}) >= 2 for recipe in recipes)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--soundbank", "/nowhere"], "/nowhere: no such folder"),
        (["--count", "0"], "--count 0"),
        (["--longest", "0"], "--longest 0.0, expected a number above zero"),
        (["--classes", "dog"], "events dog"),
        (["--presence", "2"], "presence 2.0, expected 0 to 1"),
    ],
)
def test_tool_ends_in_one_line(synthetic_bank, tmp_path, monkeypatch, arguments, words):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)
    with pytest.raises(SystemExit) as end:
        run_tool(monkeypatch, "--out", tmp_path / "out", *arguments)
    message = end.value.code  # a text goes to the error stream, and the code is 1
    assert message.startswith("error: ") and words in message and "\n" not in message
    assert not (tmp_path / "out").exists()
