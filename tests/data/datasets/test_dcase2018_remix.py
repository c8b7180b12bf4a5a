"""The remix of DCASE 2018 from a small tree of the same layout: draws, levels, files, loader."""

import csv

import numpy as np
import pytest
import soundfile as sf
import yaml
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.audio.io import read_audio
from audiodet.config import get_cfg
from audiodet.data.datasets.dcase2018_remix import (
    FOLDER,
    FOLDS,
    RATIOS,
    REMIX_LABELS,
    load_dcase2018_remix,
    register_dcase2018_remix,
)
from audiodet.data.mapper import SEDMapper
from audiodet.data.mixing.mask_truth import mixture_mels
from audiodet.data.spectrogram import LogMel
from audiodet.errors import DataError
import make_remix
from make_remix import deal_folds, draw_mixtures, mix_parts, write_remix

PER_FOLD, SECONDS = 3, 10.0


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """12 scenes (stereo, 48 kHz) and 24 events (44.1 kHz, 0.5 to 3 s), a fourth unverified."""
    root, rng = tmp_path_factory.mktemp("dcase2018"), np.random.default_rng(0)
    scenes, events = root / "TUT-urban-acoustic-scenes-2018-development", root / "task2"
    (scenes / "audio").mkdir(parents=True)
    (events / "audio_train").mkdir(parents=True)
    lines = ["filename\tscene_label\tidentifier\tsource_label"]
    for i in range(12):
        name = f"audio/park-city-{i}-a.wav"
        sf.write(scenes / name, rng.normal(0, 0.02, (round(SECONDS * 48000), 2)), 48000)
        lines.append(f"{name}\tpark\tcity-{i}\ta")
    (scenes / "meta.csv").write_text("\n".join(lines) + "\n")
    with open(events / "train.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["fname", "label", "manually_verified"])
        for i in range(24):
            length = round((0.5 + 2.5 * i / 23) * 44100)
            sf.write(events / "audio_train" / f"{i:02}.wav", rng.normal(0, 0.1, length), 44100)
            table.writerow([f"{i:02}.wav", REMIX_LABELS[i % 5], int(i % 4 > 0)])
    return str(scenes), str(events)


@pytest.fixture(scope="module")
def workspace(tree, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("workspace"))
    write_remix(draw_mixtures(*tree, PER_FOLD), *tree, folder, [0])
    return folder


def test_folds_are_dealt_in_a_shuffled_order(tree):
    """As the release deals them: numpy's generator of seed 1234, folds 1 to 4 in turn."""
    rows, order = deal_folds(tree[1]), np.arange(24)
    np.random.RandomState(1234).shuffle(order)
    assert [rows[i]["fold"] for i in order] == [1, 2, 3, 4] * 6


def test_mixtures_use_their_folds_verified_events(tree):
    mixtures, rows = draw_mixtures(*tree, PER_FOLD), {r["fname"]: r for r in deal_folds(tree[1])}
    assert [m["fold"] for m in mixtures] == [f for f in (1, 2, 3, 4) for _ in range(PER_FOLD)]
    assert [m["mixture_name"] for m in mixtures] == [f"{i:05d}.wav" for i in range(12)]
    assert len({m["scene_audio_name"] for m in mixtures}) == 12
    for mixture in mixtures:
        for event, onset in zip(mixture["events"], (0.5, 3.0, 5.5)):
            row = rows[event["event_audio_name"]]
            assert (row["fold"], row["manually_verified"]) == (mixture["fold"], "1")
            length = sf.info(f"{tree[1]}/audio_train/{row['fname']}").duration
            assert event["onset"] == onset and event["offset"] == pytest.approx(
                onset + min(length, 2.0)
            )
            assert event["event_label"] == row["label"]


def test_levels(tree):
    """The scene has an RMS of 0 dB, an event of the ratio over its whole file, before the cut."""
    mixture = draw_mixtures(*tree, PER_FOLD)[0]
    parts = mix_parts(mixture, *tree, 20)
    assert np.abs(parts).max() == pytest.approx(1.0)
    scene = np.sqrt(np.mean(parts[:, 1] ** 2))
    event = mixture["events"][0]
    sound = read_audio(f"{tree[1]}/audio_train/{event['event_audio_name']}", 32000).astype(float)
    first, end = round(0.5 * 32000), int(event["offset"] * 32000)
    placed = parts[first:end, 0]
    gain = np.dot(placed, sound[: len(placed)]) / np.dot(sound[: len(placed)], sound[: len(placed)])
    assert 20 * np.log10(gain * np.sqrt(np.mean(sound**2)) / scene) == pytest.approx(20.0, abs=1e-6)
    outside = np.ones(len(parts), bool)
    for e in mixture["events"]:
        outside[int(e["onset"] * 32000) : int(e["offset"] * 32000)] = False
    assert not parts[outside, 0].any()


def test_loader(workspace, tree):
    train = load_dcase2018_remix(workspace, 0, 2, "train")
    test = load_dcase2018_remix(workspace, 0, 2, "test")
    assert len(train) == 3 * PER_FOLD and len(test) == PER_FOLD
    assert {c["label_kind"] for c in train} == {"weak"} and not any(c["annotations"] for c in train)
    listed = yaml.safe_load(open(f"{workspace}/yaml_files/mixture.yaml"))
    mixture = next(m for m in listed if m["fold"] == 2)
    found = [
        (a["bbox"][0], a["bbox"][2], REMIX_LABELS[a["category_id"]]) for a in test[0]["annotations"]
    ]
    assert found == [(e["onset"], e["offset"], e["event_label"]) for e in mixture["events"]]
    assert test[0]["width"] == 10.0
    cfg = get_cfg()
    cfg.merge_from_file("configs/tfseg/dcase2018_gwrp.yaml")
    assert list(cfg.DATASETS.LABELS) == list(REMIX_LABELS)
    assert SEDMapper(cfg, is_train=False)(test[0])["image"].shape == (1, 64, 311)
    parts = mixture_mels(test[0], LogMel.from_config(cfg))
    samples, _ = sf.read(test[0]["file_name"])
    assert not parts.events[:, :13].any() and parts.scene.min() > 0  # frame 13 ends at 0.48 s
    np.testing.assert_allclose(
        read_audio(test[0]["file_name"], 32000), samples.mean(axis=1), atol=1e-6
    )


def test_names(workspace, tmp_path, register_anew):
    names = [
        f"dcase2018_remix_{r}db_fold{f}_{s}"
        for r in RATIOS
        for f in FOLDS
        for s in ("train", "test")
    ]
    (tmp_path / FOLDER).symlink_to(workspace)
    register_anew(names, register_dcase2018_remix, tmp_path)
    for fold in FOLDS:
        for split in ("train", "test"):
            found = DatasetCatalog.get(f"dcase2018_remix_0db_fold{fold}_{split}")
            assert found == load_dcase2018_remix(str(tmp_path / FOLDER), 0, fold, split)
    (tmp_path / FOLDER).unlink()
    assert DatasetCatalog.get("dcase2018_remix_0db_fold4_test") == found  # read once
    assert MetadataCatalog.get(names[0]).thing_classes == list(REMIX_LABELS)


def test_missing_mixtures(workspace, tmp_path):
    with pytest.raises(DataError, match="3 of 3 mixtures of fold 1's test set missing.*snr=10"):
        load_dcase2018_remix(workspace, 10, 1, "test")
    with pytest.raises(
        DataError, match="mixture.yaml: no such list of mixtures; see datasets/README"
    ):
        load_dcase2018_remix(str(tmp_path), 0, 1, "test")
    (tmp_path / "yaml_files").mkdir()
    (tmp_path / "yaml_files" / "mixture.yaml").write_text("- {mixture_name: 0.wav}\n")
    with pytest.raises(DataError, match="not a list of mixtures .'fold'"):
        load_dcase2018_remix(str(tmp_path), 0, 1, "test")


def test_too_few_scenes_and_a_silent_event(tree, monkeypatch):
    with pytest.raises(DataError, match="meta.csv: 12 scenes, expected 16"):
        draw_mixtures(*tree, 4)
    monkeypatch.setattr(make_remix, "read_audio", lambda *_: np.zeros(100, np.float32))
    with pytest.raises(DataError, match="park-city-.*.wav: silent, expected a sound"):
        mix_parts(draw_mixtures(*tree, 1)[0], *tree, 0)
    with pytest.raises(DataError, match="nowhere/train.csv: cannot be read"):
        deal_folds("nowhere")
