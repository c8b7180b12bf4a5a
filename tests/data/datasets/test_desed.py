"""DCASE 2019 Task 4 on a small tree of its layout, and weak labels where they do not belong."""

import zlib

import numpy as np
import pytest
import soundfile as sf
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.desed import (
    DESED_LABELS,
    FOLDER,
    SPLITS,
    is_held_out,
    load_desed,
    register_desed,
)
from audiodet.data.labels.table import read_table
from audiodet.data.loader import load_dataset_dicts, training_clips
from audiodet.data.mapper import SEDMapper
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError, DataError
from audiodet.modeling.model import label_kinds

RATE = 44100
WEAK = ["filename\tevent_labels", "a.wav\tDog,Speech", "b.wav\tCat"]
STRONG = [
    "filename\tonset\toffset\tevent_label",
    "a.wav\t1.0\t2.5\tDog",
    "a.wav\t2.0\t3.0\tDog",
    "b.wav\t\t\t",
]
PLACES = {split: f"train/{split}" for split in ("weak", "synthetic", "unlabel_in_domain")}
PLACES |= {"synthetic_train": "train/synthetic", "synthetic_val": "train/synthetic"}
PLACES["validation"] = "validation/validation"


def write(root, split, lines, audio=(("a.wav", 10.0, RATE), ("b.wav", 10.0, RATE)), suffix="tsv"):
    """A table, and recordings (name, seconds, rate) of faint noise."""
    top, rng = root / FOLDER, np.random.default_rng(0)
    table = top / "metadata" / f"{PLACES[split]}.{suffix}"
    folder = top / "audio" / ("validation" if split == "validation" else PLACES[split])
    for path in (table.parent, folder):
        path.mkdir(parents=True, exist_ok=True)
    table.write_text("\n".join(lines) + "\n")
    for name, seconds, rate in audio:
        sf.write(folder / name, rng.normal(0, 0.01, round(seconds * rate)), rate)
    return table


def events(clip):
    return [(*a["bbox"][::2], DESED_LABELS[a["category_id"]]) for a in clip["annotations"]]


def test_the_four_splits(tmp_path):
    write(tmp_path, "weak", WEAK)
    write(tmp_path, "synthetic", STRONG, suffix="csv")
    write(tmp_path, "unlabel_in_domain", ["filename", "a.wav"])
    write(tmp_path, "validation", STRONG)
    weak = load_desed(str(tmp_path), "weak")
    assert [clip["label_kind"] for clip in weak] == ["weak"] * 2 and not weak[0]["annotations"]
    assert [[DESED_LABELS[k] for k in clip["clip_labels"]] for clip in weak] == [
        ["Dog", "Speech"],
        ["Cat"],
    ]
    for split in ("synthetic", "validation"):
        first, second = load_desed(str(tmp_path), split)
        assert events(first) == [(1.0, 3.0, "Dog")] and events(second) == []  # overlaps are joined
        assert first["label_kind"] == "strong" and first["width"] == 10.0
    (clip,) = load_desed(str(tmp_path), "unlabel_in_domain")
    assert clip["label_kind"] == "unlabelled" and "clip_labels" not in clip
    for split in PLACES:
        assert MetadataCatalog.get(f"desed_2019_{split}").thing_classes == list(DESED_LABELS)


def test_missing_recordings_are_counted(tmp_path, caplog):
    write(tmp_path, "weak", WEAK, audio=[("b.wav", 10.0, RATE)])
    with caplog.at_level("WARNING"):
        clips = load_desed(str(tmp_path), "weak")
    assert [clip["file_name"][-5:] for clip in clips] == ["b.wav"]
    assert "weak.tsv: 1 of 2 recordings are missing and left out" in caplog.text


def test_empty_splits_are_refused(tmp_path):
    write(tmp_path, "weak", WEAK, audio=())
    with pytest.raises(
        DataError, match="none of its 2 recordings is in .*/audio/train/weak, expected some"
    ):
        load_desed(str(tmp_path), "weak")
    write(tmp_path, "weak", WEAK[:1])
    with pytest.raises(DataError, match="weak.tsv: 0 clips listed"):
        load_desed(str(tmp_path), "weak")
    with pytest.raises(
        DataError, match="validation/validation.tsv: no such table; see datasets/README.md"
    ):
        load_desed(str(tmp_path), "validation")


def test_a_table_of_another_kind(tmp_path):
    write(tmp_path, "synthetic", WEAK)
    with pytest.raises(
        DataError, match="weak labels, expected strong ones in the split 'synthetic'"
    ):
        load_desed(str(tmp_path), "synthetic")
    write(tmp_path, "weak", STRONG)
    with pytest.raises(DataError, match="strong labels, expected weak ones in the split 'weak'"):
        load_desed(str(tmp_path), "weak")


def test_files_that_are_shorter_than_their_labels(tmp_path, caplog):
    """Cut at the file's end; what begins after it is left out; one warning for the split."""
    lines = [
        STRONG[0],
        "a.wav\t9.0\t10.0\tDog",
        "a.wav\t9.95\t10.0\tCat",
        "b.wav\t1.0\t10.000\tCat",
        "c.wav\t9.96\t10.0\tCat",
    ]
    audio = [("a.wav", 9.9, RATE), ("b.wav", 9.96, RATE), ("c.wav", 9.0, RATE)]
    write(tmp_path, "synthetic", lines, audio)
    with caplog.at_level("WARNING"):
        clips = load_desed(str(tmp_path), "synthetic")
    assert [events(clip) for clip in clips] == [[(9.0, 9.9, "Dog")], [(1.0, 9.96, "Cat")], []]
    (warning,) = [r.getMessage() for r in caplog.records]
    assert (
        "synthetic.tsv: 3 events end after their recording and are cut there or left out" in warning
    )
    assert "the first one: event 9 to 10 s in a.wav, expected inside the clip's 9.900 s" in warning


def test_a_tenth_of_the_synthetic_clips_is_held_out(tmp_path):
    """By name: the same clips whatever else is there; each is in one of the two."""
    names = [f"{i}.wav" for i in range(100, 160)]
    lines = [STRONG[0], *(f"{name}\t1.0\t2.0\tDog" for name in names)]
    write(tmp_path, "synthetic", lines, [(name, 3.0, 1000) for name in names])
    found = {
        split: [clip["file_name"].rpartition("/")[2] for clip in load_desed(str(tmp_path), split)]
        for split in ("synthetic", "synthetic_train", "synthetic_val")
    }
    assert found["synthetic"] == names == sorted(found["synthetic_train"] + found["synthetic_val"])
    held_out = found["synthetic_val"]
    assert held_out == [name for name in names if zlib.crc32(name.encode()) % 10 == 0] and held_out
    write(tmp_path, "synthetic", [lines[0], *lines[:20:-1]], ())
    fewer = [
        clip["file_name"].rpartition("/")[2] for clip in load_desed(str(tmp_path), "synthetic_val")
    ]
    assert set(fewer) == set(held_out) & set(names[20:])
    assert 0.09 < sum(is_held_out(f"{i}.wav") for i in range(2045)) / 2045 < 0.11


@pytest.mark.parametrize(
    "lines, problem",
    [
        ([*WEAK, "c.wav\t1.0\t2.0\tDog"], "weak.tsv:4: 4 fields, expected 2, of weak labels"),
        (
            ["filename\tonset\toffset\tevent_label\tevent_labels"],
            "strong and weak labels in one table",
        ),
    ],
)
def test_a_table_that_mixes_both_kinds(tmp_path, lines, problem):
    write(tmp_path, "weak", lines)
    with pytest.raises(DataError, match=problem):
        load_desed(str(tmp_path), "weak")


def test_a_weak_row_in_a_strong_table(tmp_path):
    table = write(tmp_path, "synthetic", [*STRONG, "c.wav\tDog,Cat"])
    assert read_table(table).problems[0].text.endswith("expected all three or none")
    with pytest.raises(DataError, match="synthetic.tsv:5: c.wav: onset, offset, event_label"):
        load_desed(str(tmp_path), "synthetic")
    (tmp_path / "tabs.tsv").write_text("filename\tevent_labels\na.wav\tDog\t\t\n")
    assert not read_table(tmp_path / "tabs.tsv").problems  # empty fields say nothing


def config(*opts):
    small = [
        "MODEL.DEVICE",
        "cpu",
        "DATALOADER.NUM_WORKERS",
        "0",
        "SOLVER.IMS_PER_BATCH",
        "4",
        "DATALOADER.WEAK_PER_BATCH",
        "1",
    ]
    return load_config("configs/self_mask/desed.yaml", [*small, *map(str, opts)])


def test_other_rates_and_lengths(tmp_path, caplog):
    """Any rate gives the same frames; what lies after 10 s is cut, with one warning."""
    audio = [("a.wav", 12.5, RATE), ("b.wav", 11.0, 16000)]
    lines = [STRONG[0], "a.wav\t9.0\t11.0\tDog", "a.wav\t10.5\t12.0\tCat", "b.wav\t1.0\t2.0\tCat"]
    write(tmp_path, "validation", lines, audio)
    with caplog.at_level("WARNING"):
        clips = load_desed(str(tmp_path), "validation")
    assert events(clips[0]) == [(9.0, 10.0, "Dog")] and events(clips[1]) == [(1.0, 2.0, "Cat")]
    (warning,) = [r.getMessage() for r in caplog.records if "longer" in r.getMessage()]
    assert "2 of 2 recordings are longer than 10 s (the longest 12.50 s)" in warning
    mapper = SEDMapper(config("INPUT.CACHE_DIR", str(tmp_path / "cache")), is_train=False)
    for clip in clips:
        mapped = mapper(clip)
        assert mapped["image"].shape == (1, 128, 1024) and mapped["duration"] == 10.0
    whole = {**clips[0], "width": 12.5}
    del whole["cut_seconds"]
    assert mapper(whole)["image"].shape[-1] == 1 + int(12.5 * RATE) // 431  # no stale cache


def test_a_split_is_read_once_with_one_warning(tmp_path, caplog, register_anew):
    """However often it is asked for; what a caller does to its dicts is its own affair."""
    write(tmp_path, "validation", STRONG, [("a.wav", 12.5, RATE), ("b.wav", 10.0, RATE)])
    register_anew([f"desed_2019_{split}" for split in SPLITS], register_desed, tmp_path)
    name = "desed_2019_validation"
    with pytest.raises(DataError, match="no such table"):
        load_dataset_dicts(["desed_2019_weak"], DESED_LABELS)
    write(tmp_path, "weak", WEAK)  # a failure is not kept
    assert len(load_dataset_dicts(["desed_2019_weak"], DESED_LABELS)) == 2
    with caplog.at_level("WARNING"):
        first = load_dataset_dicts([name], DESED_LABELS)
        first[0]["annotations"][0]["bbox"][0] = 99.0
        again = load_dataset_dicts([name], DESED_LABELS)
    assert [events(clip) for clip in again] == [[(1.0, 3.0, "Dog")], []]
    assert caplog.text.count("are longer than 10 s") == 1
    for one in (tmp_path / FOLDER / "audio" / "validation").iterdir():
        one.unlink()
    assert DatasetCatalog.get(name) == again  # no header is read again


@pytest.fixture
def register():
    """Registers dicts under a name; names and their views are free again afterwards."""
    before = set(DatasetCatalog)

    def add(name, clips, labels=DESED_LABELS):
        DatasetCatalog.register(name, lambda: clips)
        MetadataCatalog.get(name).set(thing_classes=list(labels), evaluator_type="sed")
        return name

    yield add
    for name in set(DatasetCatalog) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def records(kind, n, labels=range(10)):
    """Clips that hold the labels in turn."""
    found = []
    for i in range(n):
        k = list(labels)[i % len(list(labels))]
        box = {"bbox": [1.0, 0.0, 2.0, 1.0], "bbox_mode": 0, "category_id": k, "iscrowd": 0}
        clip = {
            "file_name": f"{kind}{i}.wav",
            "image_id": i,
            "height": 1,
            "width": 10.0,
            "label_kind": kind,
        }
        more = {"weak": {"clip_labels": [k]}, "strong": {"annotations": [box]}}.get(kind, {})
        found.append({"annotations": [], **clip, **more})
    return found


def test_a_class_without_weak_labels(register):
    names = [
        register("weak_", records("weak", 9, range(9))),
        register("strong_", records("strong", 10)),
    ]
    cfg = config("DATASETS.TRAIN", str(names))
    with pytest.raises(
        DataError, match="has 0 weak labels of Vacuum_cleaner, expected at least one"
    ):
        training_clips(cfg, label_kinds(cfg))
    DatasetCatalog.remove("weak_")
    register("weak_", records("weak", 10))
    assert len(training_clips(cfg, label_kinds(cfg))) == 20


def test_unlabelled_clips_are_ignored_with_a_count(register, caplog):
    names = [register(f"{k}_", records(k, 12)) for k in ("weak", "strong", "unlabelled")]
    cfg = config("DATASETS.TRAIN", str(names))
    with caplog.at_level("INFO"):
        clips = training_clips(cfg, label_kinds(cfg))
    assert len(clips) == 24 and {c["label_kind"] for c in clips} == {"weak", "strong"}
    assert "12 unlabelled clips of 36 are not used" in caplog.text


def test_a_set_ratio_needs_both_kinds(register):
    weak, strong = (
        register("weak_", records("weak", 10)),
        register("strong_", records("strong", 10)),
    )
    with pytest.raises(DataError, match="has 0 weak and 10 strong clips, expected both"):
        Trainer.build_train_loader(config("DATASETS.TRAIN", str([strong])))
    both = ["DATASETS.TRAIN", str([weak, strong])]
    with pytest.raises(ConfigError, match="WEAK_PER_BATCH is 4, expected 0 to 3"):
        Trainer.build_train_loader(config(*both, "DATALOADER.WEAK_PER_BATCH", 4))
    with pytest.raises(ConfigError, match="CROP_AUDIO.SECONDS is 5.0 .* need not hold its labels"):
        Trainer.build_train_loader(config(*both, "INPUT.CROP_AUDIO.SECONDS", "5.0"))
