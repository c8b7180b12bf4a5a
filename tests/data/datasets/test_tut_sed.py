"""The official tree of TUT Sound Events 2016, development set, rebuilt small."""

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.tut_sed import (
    FOLDS,
    LABELS,
    load_tut_sed,
    register_tut_sed,
    scene_labels,
)
from audiodet.data.labels.annotations import event_annotation
from audiodet.errors import AudioError, DataError

SECONDS = 2.0
# Scene -> recording -> its events; recording number k is a test recording of fold k alone.
EVENTS = {
    "home": {
        "a030": [(0.25, 1.5, "(object) rustling"), (0.5, 1.0, "cutlery")],
        "a031": [(0.0, 2.03, "people walking")],
        "b001": [(1.0, 1.25, "water tap running"), (1.5, 1.75, "water tap running")],
        "b002": [(0.125, 0.25, "object impact")],
    },
    "residential_area": {
        "a001": [(0.5, 1.5, "people walking")],
        "a002": [(0.0, 1.0, "(object) banging"), (0.75, 2.0, "wind blowing")],
        "b003": [(0.25, 0.5, "bird singing")],
        "b009": [(1.0, 2.0, "car passing by")],
    },
}


@pytest.fixture
def tree(tmp_path, write_tone):
    """Four recordings per scene and the twelve lists of each."""
    top = tmp_path / "TUT-sound-events-2016-development"
    (top / "evaluation_setup").mkdir(parents=True)
    for scene, recordings in EVENTS.items():
        for name in recordings:
            write_tone(top / f"audio/{scene}/{name}.wav", SECONDS, channels=2)
        for fold, tested in enumerate(recordings, 1):
            others = [name for name in recordings if name != tested]
            fold_list(top, scene, fold, "train").write_text(rows(scene, others))
            fold_list(top, scene, fold, "test").write_text(f"{audio(scene, tested)}\t{scene}\n")
            fold_list(top, scene, fold, "evaluate").write_text(rows(scene, [tested]))
    return top


def fold_list(top, scene, fold, part):
    return top / "evaluation_setup" / f"{scene}_fold{fold}_{part}.txt"


def audio(scene, name):
    return f"audio/{scene}/{name}.wav"


def rows(scene, names):
    return "".join(
        f"{audio(scene, name)}\t{scene}\t{onset}\t{offset}\t{label}\n"
        for name in names
        for onset, offset, label in EVENTS[scene][name]
    )


def clip(top, image_id, scene, name, *events):
    return {
        "file_name": str(top / audio(scene, name)),
        "image_id": image_id,
        "height": 1,
        "width": SECONDS,
        "label_kind": "strong",
        "scene": scene,
        "annotations": [event_annotation(*event) for event in events],
    }


def test_clips_of_one_scene(tree, tmp_path):
    assert load_tut_sed(str(tmp_path), 1, "train", "home") == [
        clip(tree, 0, "home", "a031", (0.0, 2.0, 8)),  # 0.03 s after the clip are cut
        clip(tree, 1, "home", "b001", (1.0, 1.25, 10), (1.5, 1.75, 10)),
        clip(tree, 2, "home", "b002", (0.125, 0.25, 7)),
    ]
    assert load_tut_sed(str(tmp_path), 1, "test", "home") == [
        clip(tree, 0, "home", "a030", (0.25, 1.5, 0), (0.5, 1.0, 3))
    ]
    assert load_tut_sed(str(tmp_path), 2, "test", "residential_area") == [
        clip(tree, 0, "residential_area", "a002", (0.0, 1.0, 0), (0.75, 2.0, 6))
    ]


def test_both_scenes_share_one_label(tree, tmp_path):
    labels = scene_labels()
    assert len(labels) == 17 and labels == sorted({*LABELS["home"], *LABELS["residential_area"]})
    assert set(LABELS["home"]) & set(LABELS["residential_area"]) == {"people walking"}
    assert load_tut_sed(str(tmp_path), 1, "test") == [
        clip(tree, 0, "home", "a030", (0.25, 1.5, 1), (0.5, 1.0, 7)),
        clip(tree, 1, "residential_area", "a001", (0.5, 1.5, 13)),
    ]
    clips = load_tut_sed(str(tmp_path), 1, "train")
    assert [one["image_id"] for one in clips] == list(range(6))
    assert [one["scene"] for one in clips] == ["home"] * 3 + ["residential_area"] * 3
    assert clips[0]["annotations"][0]["category_id"] == labels.index("people walking")


@pytest.mark.parametrize("scene", [None, "home", "residential_area"])
def test_folds_are_disjoint_as_listed(tree, tmp_path, scene):
    tested = []
    for fold in FOLDS:
        train, test = (
            [one["file_name"] for one in load_tut_sed(str(tmp_path), fold, split, scene)]
            for split in ("train", "test")
        )
        fit, val = (
            [one["file_name"] for one in load_tut_sed(str(tmp_path), fold, split, scene)]
            for split in ("fit", "val")
        )
        assert not set(fit) & set(val) and {*fit, *val} == set(train)
        assert len(val) == (2 if scene is None else 1)  # of three a scene: a fifth, at least one
        assert not set(train) & set(test)
        assert len(train) == 3 * len(test)
        tested += test
    assert len(tested) == len(set(tested)) == (8 if scene is None else 4)


def test_a_test_recording_without_events(tree, tmp_path):
    fold_list(tree, "home", 3, "evaluate").write_text("")
    assert load_tut_sed(str(tmp_path), 3, "test", "home") == [clip(tree, 0, "home", "b001")]


def test_what_does_not_exist(tree, tmp_path):
    root = str(tmp_path)
    with pytest.raises(DataError, match="no/TUT-sound-events-2016-development: no such .*README"):
        load_tut_sed(str(tmp_path / "no"), 1, "train")
    for fold in (0, 5):
        with pytest.raises(DataError, match=f"fold {fold}, expected one of 1, 2, 3, 4"):
            load_tut_sed(root, fold, "train", "home")
    with pytest.raises(DataError, match="split 'dev', expected one of train, test, fit, val"):
        load_tut_sed(root, 1, "dev", "home")
    with pytest.raises(DataError, match="scene 'street', expected one of home, residential_area"):
        load_tut_sed(root, 1, "train", "street")
    for part, split in (("train", "train"), ("test", "test"), ("evaluate", "test")):
        fold_list(tree, "home", 2, part).unlink()
        with pytest.raises(DataError, match=f"home_fold2_{part}.txt: no such fold list; see data"):
            load_tut_sed(root, 2, split)
        fold_list(tree, "home", 2, part).write_text(rows("home", ["a031"]))


def test_missing_recordings(tree, tmp_path):
    for name in EVENTS["home"]:
        (tree / audio("home", name)).unlink()
    wanted = r"home_fold1_train.txt: 3 of 3 recordings missing, the first: \S*a031.wav, \S*b001"
    with pytest.raises(DataError, match=wanted):
        load_tut_sed(str(tmp_path), 1, "train")
    wanted = "home_fold4_test.txt: 1 of 1 recordings missing, the first: .*b002.wav"
    with pytest.raises(DataError, match=wanted):
        load_tut_sed(str(tmp_path), 4, "test", "home")


def test_lists_that_contradict_each_other(tree, tmp_path):
    fold_list(tree, "home", 1, "evaluate").write_text(rows("home", ["a030", "a031"]))
    wanted = "home_fold1_evaluate.txt: 1 recordings that .*fold1_test.txt lacks, .*home/a031.wav"
    with pytest.raises(DataError, match=wanted):
        load_tut_sed(str(tmp_path), 1, "test", "home")


@pytest.mark.parametrize(
    "fields, message",
    [
        ("0.5\t1.0\tbird singing", "unknown label bird singing, expected one of .object. rustling"),
        ("0.5\t1.0", r"are \['0.5', '1.0', ''\], expected all three or none"),
        ("0,5\t1.0\tdishes", "onset is '0,5', expected a number of seconds"),
        ("1.5\t1.0\tdishes", "onset 1.5 and offset 1 s, expected 0 <= onset < offset"),
        ("1.5\t2.1\tdishes", "event 1.5 to 2.1 s in .*a031.wav, expected inside the clip's 2.000"),
    ],
)
@pytest.mark.parametrize("part, split", [("train", "train"), ("evaluate", "test")])
def test_damaged_lists(tree, tmp_path, part, split, fields, message):
    path = fold_list(tree, "home", 2, part)
    name = audio("home", "a031")
    path.write_text(f"{name}\thome\t0.5\t1.0\tdishes\n{name}\thome\t{fields}\n")
    with pytest.raises(DataError, match=f"home_fold2_{part}.txt:2: .*{message}"):
        load_tut_sed(str(tmp_path), 2, split, "home")


def test_a_damaged_recording(tree, tmp_path):
    (tree / audio("home", "a030")).write_bytes(b"")
    with pytest.raises(AudioError, match="a030.wav"):
        load_tut_sed(str(tmp_path), 1, "test", "home")


def test_names(tree, tmp_path, register_anew):
    scenes = {"": None, "home_": "home", "residential_area_": "residential_area"}
    names = {
        f"tut_sed_2016_{prefix}fold{fold}_{split}": (fold, split, scene)
        for prefix, scene in scenes.items()
        for fold in (1, 2, 3, 4)
        for split in ("train", "test", "fit", "val")
    }
    assert len(names) == 48
    register_anew(names, register_tut_sed, tmp_path)
    for name, arguments in names.items():
        assert DatasetCatalog.get(name) == load_tut_sed(str(tmp_path), *arguments)
        assert MetadataCatalog.get(name).thing_classes == scene_labels(arguments[2])
        assert MetadataCatalog.get(name).evaluator_type == "sed"
    assert MetadataCatalog.get("tut_sed_2016_home_fold1_train").thing_classes == list(
        LABELS["home"]
    )
