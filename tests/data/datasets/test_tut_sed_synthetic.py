"""The official tree of TUT-SED Synthetic 2016, rebuilt small."""

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.common import register_tree
from audiodet.data.datasets.tut_sed_synthetic import (
    LABELS,
    load_tut_sed_synthetic,
    register_tut_sed_synthetic,
)
from audiodet.data.labels.annotations import event_annotation
from audiodet.errors import AudioError, DataError

SPLITS = {"test": [0], "validation": [20, 21], "train": [40, 41]}
SECONDS = {0: 2.0, 20: 2.5, 21: 1.0, 40: 3.0, 41: 1.5}


@pytest.fixture
def tree(tmp_path, write_tone):
    """Five mixtures; the last one has no events."""
    top = tmp_path / "TUT-SED-synthetic-2016"
    for number, seconds in SECONDS.items():
        write_tone(top / f"audio/TUT-SED-synthetic-2016-mix-{number}.wav", seconds)
    (top / "meta").mkdir()
    events = {
        0: "0.25\t1.5\tdog_barking\n0.5\t2.03\train\n",
        20: "1.125\t2.5\talarms_and_sirens\n",
        21: "0.0\t1.0\tthunder\n",
        40: "0.75\t1.25\tbus\n0.75\t1.25\tbird_singing\n2.0\t3.0\tbus\n",
        41: "",
    }
    for number, lines in events.items():
        annotation(top, number).write_text(lines)
    (top / "evaluation_setup").mkdir()
    listing(top, "test.txt", SPLITS["test"])
    listing(top, "validate.txt", SPLITS["validation"])
    listing(top, "train+validate.txt", [40, 20, 41, 21])
    return top


def annotation(top, number):
    return top / "meta" / f"TUT-SED-synthetic-2016-annot-{number}.txt"


def listing(top, name, numbers):
    lines = [f"audio/TUT-SED-synthetic-2016-mix-{number}.wav\n" for number in numbers]
    (top / "evaluation_setup" / name).write_text("".join(lines))


def clip(top, image_id, number, *events):
    return {
        "file_name": str(top / f"audio/TUT-SED-synthetic-2016-mix-{number}.wav"),
        "image_id": image_id,
        "height": 1,
        "width": SECONDS[number],
        "label_kind": "strong",
        "annotations": [event_annotation(*event) for event in events],
    }


def test_clips_of_each_split(tree, tmp_path):
    root = str(tmp_path)
    assert load_tut_sed_synthetic(root, "train") == [
        clip(tree, 0, 40, (0.75, 1.25, 3), (0.75, 1.25, 2), (2.0, 3.0, 3)),
        clip(tree, 1, 41),
    ]
    assert load_tut_sed_synthetic(root, "validation") == [
        clip(tree, 0, 20, (1.125, 2.5, 0)),
        clip(tree, 1, 21, (0.0, 1.0, 15)),
    ]
    assert load_tut_sed_synthetic(root, "test") == [  # an offset 0.03 s after the clip is cut
        clip(tree, 0, 0, (0.25, 1.5, 7), (0.5, 2.0, 14)),
    ]


def test_overlapping_events_of_a_label_are_joined_where_it_is_registered(tree, tmp_path):
    path = annotation(tree, 40)
    path.write_text(
        path.read_text() + path.read_text().splitlines()[0].replace("0.75", "1.0") + "\n"
    )
    register_tree("toy_synthetic", LABELS, load_tut_sed_synthetic, str(tmp_path), "train")
    try:
        merged, plain = (
            DatasetCatalog.get("toy_synthetic"),
            load_tut_sed_synthetic(str(tmp_path), "train"),
        )
    finally:
        DatasetCatalog.remove("toy_synthetic")
        MetadataCatalog.remove("toy_synthetic")
    assert len(plain[0]["annotations"]) == 4 and len(merged[0]["annotations"]) == 3


def test_splits_share_no_mixture(tree, tmp_path):
    files = {split: listed(tmp_path, split) for split in SPLITS}
    assert not files["train"] & files["validation"] and not files["train"] & files["test"]
    assert not files["validation"] & files["test"]
    assert len(set.union(*files.values())) == 5


def listed(root, split):
    return {clip["file_name"] for clip in load_tut_sed_synthetic(str(root), split)}


def test_lists_with_more_columns_and_spaces_as_separator(tree, tmp_path):
    expected = load_tut_sed_synthetic(str(tmp_path), "validation")
    for number in SPLITS["validation"]:
        path = annotation(tree, number)
        path.write_text(path.read_text().replace("\t", " "))
    mix = "audio/TUT-SED-synthetic-2016-mix"
    lines = f"{mix}-20.wav\tsynthetic\t0.1\t0.2\tbus\n{mix}-20.wav\tsynthetic\t1\t2\tbus\n"
    lines += f"{mix}-21.wav\tsynthetic\t0\t1\tthunder\n"
    (tree / "evaluation_setup" / "validate.txt").write_text(lines)
    assert load_tut_sed_synthetic(str(tmp_path), "validation") == expected
    assert len(load_tut_sed_synthetic(str(tmp_path), "train")) == 2


def test_what_is_missing_is_said(tree, tmp_path):
    with pytest.raises(DataError, match="nowhere/TUT-SED-.*-2016: no such folder; see datasets/R"):
        load_tut_sed_synthetic(str(tmp_path / "nowhere"), "train")
    with pytest.raises(DataError, match="split 'eval', expected one of train, validation, test"):
        load_tut_sed_synthetic(str(tmp_path), "eval")
    listing(tree, "test.txt", [0, *range(1, 8)])
    wanted = r"test.txt: 7 of 8 recordings missing, the first: (\S*-mix-[1-5].wav(, )?){5}$"
    with pytest.raises(DataError, match=wanted):
        load_tut_sed_synthetic(str(tmp_path), "test")
    annotation(tree, 40).unlink()
    wanted = r"train\+validate.txt: 1 of 2 annotation files missing, .*annot-40.txt$"
    with pytest.raises(DataError, match=wanted):
        load_tut_sed_synthetic(str(tmp_path), "train")
    listing(tree, "train+validate.txt", SPLITS["validation"])
    with pytest.raises(DataError, match=r"train\+validate.txt: 0 clips listed, expected at least"):
        load_tut_sed_synthetic(str(tmp_path), "train")
    (tree / "evaluation_setup" / "validate.txt").unlink()
    for split in ("train", "validation"):
        with pytest.raises(DataError, match="validate.txt: no such split list; see datasets/READ"):
            load_tut_sed_synthetic(str(tmp_path), split)


@pytest.mark.parametrize(
    "line, message",
    [
        ("0.5\t1.0\twhale", "unknown label whale, expected one of alarms_and_sirens, "),
        ("0.5\t1.0", r"are \['0.5', '1.0', ''\], expected all three or none"),
        ("half\t1.0\tbus", "onset is 'half', expected a number of seconds"),
        ("1.5\t1.0\tbus", "onset 1.5 and offset 1 s, expected 0 <= onset < offset"),
        ("0.5\t2.2\tbus", "event 0.5 to 2.2 s in .*mix-0.wav, expected inside the clip's 2.000 s"),
    ],
)
def test_damaged_annotations(tree, tmp_path, line, message):
    annotation(tree, 0).write_text(f"0.1\t0.2\tbus\n\n{line}\n")
    with pytest.raises(DataError, match=f"annot-0.txt:3: .*{message}"):
        load_tut_sed_synthetic(str(tmp_path), "test")


def test_a_damaged_mixture(tree, tmp_path):
    (tree / "audio" / "TUT-SED-synthetic-2016-mix-0.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match="mix-0.wav"):
        load_tut_sed_synthetic(str(tmp_path), "test")


def test_names(tree, tmp_path, register_anew):
    names = [f"tut_sed_synthetic_2016_{split}" for split in ("train", "validation", "test")]
    register_anew(names, register_tut_sed_synthetic, tmp_path)
    assert [len(DatasetCatalog.get(name)) for name in names] == [2, 2, 1]
    for name in names:
        assert MetadataCatalog.get(name).thing_classes == list(LABELS) and len(LABELS) == 16
        assert MetadataCatalog.get(name).evaluator_type == "sed"
