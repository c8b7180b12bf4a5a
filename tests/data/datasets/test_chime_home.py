"""The official tree of CHiME-Home, rebuilt small."""

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.chime_home import LABELS, load_chime_home, register_chime_home
from audiodet.errors import AudioError, DataError

FOLD_LIST = "development_chunks_refined_crossval_dcase2016.csv"
VOTES = ["cv", "S", "cmfvpbo", "U", "p"]  # of the development chunks, one per fold


def chunk(number):
    return f"CR_lounge_200110_1601.s0_chunk{number}"


def annotation(top, number):
    return top / "chunks" / f"{chunk(number)}.csv"


def annotate(top, number, vote):
    lines = [
        "segmentname,CR_lounge_200110_1601.s0",
        f"chunknumber,{number}",
        f"framestart,{number * 192000}",
        "annotation_a1,cov",
        "session_a1,2.0",
        f"majorityvote,{vote}",
        f"chunkname,{chunk(number)}",
    ]
    annotation(top, number).write_text("\n".join(lines) + "\n")


@pytest.fixture
def tree(tmp_path, write_tone):
    """Development chunks 0 to 4, evaluation chunk 5, and a chunk that is not refined."""
    top = tmp_path / "chime_home"
    for number in range(7):
        write_tone(top / f"chunks/{chunk(number)}.16kHz.wav", 4.0, 16000)
        write_tone(top / f"chunks/{chunk(number)}.48kHz.wav", 0.1, 48000, channels=2)
    for number, vote in enumerate([*VOTES, "fb", "m"]):
        annotate(top, number, vote)
    lines = [f"{number + 1},{chunk(number)}" for number in range(6)]
    (top / "development_chunks_refined.csv").write_text("\n".join(lines[:5]) + "\n")
    (top / "evaluation_chunks_refined.csv").write_text("\n".join(lines[5:]) + "\n")
    folds = [f"{line},{fold}" for fold, line in enumerate(lines[:5])]
    (top / FOLD_LIST).write_text("\n".join(folds) + "\n")
    return top


def clip(top, image_id, number, *clip_labels):
    return {
        "file_name": str(top / f"chunks/{chunk(number)}.16kHz.wav"),
        "image_id": image_id,
        "height": 1,
        "width": 4.0,
        "annotations": [],
        "label_kind": "weak",
        "clip_labels": list(clip_labels),
    }


def test_chunks_and_their_labels(tree, tmp_path):
    assert LABELS[0] == "child speech" and LABELS[3] == "video game/tv" and len(LABELS) == 7
    assert load_chime_home(str(tmp_path), "development") == [
        clip(tree, 0, 0, 0, 3),
        clip(tree, 1, 1),  # silence
        clip(tree, 2, 2, 0, 1, 2, 3, 4, 5, 6),
        clip(tree, 3, 3),  # unidentifiable
        clip(tree, 4, 4, 4),
    ]
    assert load_chime_home(str(tmp_path), "evaluation") == [clip(tree, 0, 5, 2, 5)]


def test_folds_are_disjoint_as_listed(tree, tmp_path):
    assert load_chime_home(str(tmp_path), "test", 1) == [clip(tree, 0, 0, 0, 3)]
    assert load_chime_home(str(tmp_path), "test", 5) == [clip(tree, 0, 4, 4)]
    assert load_chime_home(str(tmp_path), "train", 5)[2] == clip(tree, 2, 2, 0, 1, 2, 3, 4, 5, 6)
    for fold in range(1, 6):
        train, test = (
            [one["file_name"] for one in load_chime_home(str(tmp_path), split, fold)]
            for split in ("train", "test")
        )
        every = [str(tree / f"chunks/{chunk(number)}.16kHz.wav") for number in range(5)]
        assert test == [every[fold - 1]]
        assert train == every[: fold - 1] + every[fold:]
        held = load_chime_home(str(tmp_path), "val", fold)
        assert [one["file_name"] for one in held] == train[:1]
        rest = load_chime_home(str(tmp_path), "fit", fold)
        assert [one["file_name"] for one in rest] == train[1:]


def test_what_does_not_exist(tree, tmp_path):
    root = str(tmp_path)
    with pytest.raises(DataError, match="no/chime_home: no such folder; see datasets/README.md"):
        load_chime_home(str(tmp_path / "no"), "development")
    for fold in (0, 6):
        with pytest.raises(DataError, match=f"fold {fold}, expected one of 1, 2, 3, 4, 5"):
            load_chime_home(root, "train", fold)
    with pytest.raises(DataError, match="split 'train', expected one of development, evaluation"):
        load_chime_home(root, "train")
    with pytest.raises(
        DataError, match="split 'evaluation', expected one of train, test, fit, val"
    ):
        load_chime_home(root, "evaluation", 1)
    (tree / FOLD_LIST).unlink()
    with pytest.raises(DataError, match=f"{FOLD_LIST}: no such chunk list; see datasets/README"):
        load_chime_home(root, "test", 1)
    (tree / "evaluation_chunks_refined.csv").write_text("\n")
    with pytest.raises(DataError, match="refined.csv: 0 clips listed, expected at least one"):
        load_chime_home(root, "evaluation")


def test_missing_files_are_counted(tree, tmp_path):
    for number in (1, 3):
        (tree / f"chunks/{chunk(number)}.16kHz.wav").unlink()
    wanted = r"refined.csv: 2 of 5 recordings missing, the first: \S*chunk1.16kHz.wav, \S*chunk3"
    with pytest.raises(DataError, match=wanted):
        load_chime_home(str(tmp_path), "development")
    annotation(tree, 4).unlink()
    wanted = "crossval_dcase2016.csv: 1 of 1 annotation files missing, the first: .*chunk4.csv"
    with pytest.raises(DataError, match=wanted):
        load_chime_home(str(tmp_path), "test", 5)


@pytest.mark.parametrize(
    "content, message",
    [
        ("majorityvote,cx\n", ":1: unknown label x in the vote 'cx', expected some of c, m, f, v"),
        ("chunknumber,3\nmajorityvote\n", r":2: found \['majorityvote'\], expected name,value"),
        ("majorityvote,c,v\n", ":1: found .*, expected name,value"),
        ("annotation_a1,c\n", ": no line with the name majorityvote, expected majorityvote,<lett"),
        ("", ": no line with the name majorityvote"),
    ],
)
def test_damaged_votes(tree, tmp_path, content, message):
    annotation(tree, 5).write_text(content)
    with pytest.raises(DataError, match=f"chunk5.csv{message}"):
        load_chime_home(str(tmp_path), "evaluation")


@pytest.mark.parametrize(
    "line, message",
    [
        (chunk(1), r"found \['CR_lounge_200110_1601.s0_chunk1'\], expected id,chunk,fold"),
        (f"2,{chunk(1)}", "found .*, expected id,chunk,fold"),
        (f"2,{chunk(1)},5", "fold '5', expected 0 to 4"),
        (f"2,{chunk(1)},one", "fold 'one', expected 0 to 4"),
    ],
)
def test_damaged_lists(tree, tmp_path, line, message):
    (tree / FOLD_LIST).write_text(f"1,{chunk(0)},0\n{line}\n")
    with pytest.raises(DataError, match=f"{FOLD_LIST}:2: {message}"):
        load_chime_home(str(tmp_path), "train", 3)
    (tree / "development_chunks_refined.csv").write_text(f"{chunk(0)}\n")
    with pytest.raises(DataError, match=r"refined.csv:1: found \[.*\], expected id,chunk$"):
        load_chime_home(str(tmp_path), "development")


def test_damaged_files(tree, tmp_path):
    (tree / f"chunks/{chunk(5)}.16kHz.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match="chunk5.16kHz.wav"):
        load_chime_home(str(tmp_path), "evaluation")
    annotation(tree, 5).write_bytes(b"majorityvote,\xff\n")
    with pytest.raises(DataError, match="chunk5.csv: not a text file"):
        load_chime_home(str(tmp_path), "evaluation")


def test_names(tree, tmp_path, register_anew):
    names = {f"chime_home_{split}": (split,) for split in ("development", "evaluation")}
    for fold in range(1, 6):
        for split in ("train", "test", "fit", "val"):
            names[f"chime_home_fold{fold}_{split}"] = (split, fold)
    register_anew(names, register_chime_home, tmp_path)
    for name, arguments in names.items():
        assert DatasetCatalog.get(name) == load_chime_home(str(tmp_path), *arguments)
        assert MetadataCatalog.get(name).thing_classes == list(LABELS)
        assert MetadataCatalog.get(name).evaluator_type == "sed"
