"""The official trees of TUT Rare Sound Events 2017, rebuilt small."""

import numpy as np
import pytest
import soundfile as sf
import yaml
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.audio import read_audio
from audiodet.data.datasets.tut_rare import LABELS, MADE, load_tut_rare, register_tut_rare
from audiodet.errors import DataError

OFFICIAL = "20b255387a2d0cddc0a3dff5014875e7"
EVAL = "bbb81504db15a03680a0044474633b67"


def build(root, part="development", subset="devtrain", param_hash=OFFICIAL, recipes=True):
    """Two mixtures per class, one with an event at 0.4 to 0.9 s; returns the split's folder."""
    folder = root / f"TUT-rare-sound-events-2017-{part}/data/mixture_data" / subset / param_hash
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    for label in LABELS:
        names = [f"mixture_{subset}_{label}_00{number}_abc.wav" for number in range(2)]
        for name in names:
            tone = 0.1 * np.sin(np.arange(44100) * 0.05)
            sf.write(folder / "audio" / name, tone, 44100, subtype="PCM_24")
        events = f"{names[0]}\t0.4\t0.9\t{label}\n{names[1]}\n"
        (folder / "meta" / f"event_list_{subset}_{label}.csv").write_text(events)
        if recipes:
            (folder / "meta" / f"mixture_recipes_{subset}_{label}.yaml").write_text(
                yaml.dump([recipe(names[0], label), recipe(names[1])])
            )
    return folder


def recipe(name, label=None):
    """A recipe with the field names of the official synthesizer."""
    fields = {"bg_path": "audio/a001_0_30.wav", "bg_classname": "beach", "ebr": float("-inf")}
    fields |= {"event_present": label is not None, "mixture_audio_filename": name}
    if label:
        fields |= {"event_path": f"{label}/31527.wav", "event_class": label, "ebr": 6.0}
        fields |= {"event_start_in_mixture_seconds": 0.4, "event_length_seconds": 0.5}
    return fields


@pytest.mark.parametrize(
    "split, part, subset, param_hash",
    [
        ("devtrain", "development", "devtrain", OFFICIAL),
        ("devtest", "development", "devtest", OFFICIAL),
        ("eval", "evaluation", "evaltest", EVAL),
    ],
)
def test_all_classes_of_a_split(tmp_path, split, part, subset, param_hash):
    folder = build(tmp_path, part, subset, param_hash)
    clips = load_tut_rare(str(tmp_path), split)
    assert [clip["image_id"] for clip in clips] == list(range(6))
    assert [clip["target"] for clip in clips] == [label for label in LABELS for _ in range(2)]
    assert [clip["source_group"] for clip in clips] == [
        "babycry/31527.wav",
        "a001",
        "glassbreak/31527.wav",
        "a001",
        "gunshot/31527.wav",
        "a001",
    ]
    events = [[(n["category_id"], n["bbox"]) for n in clip["annotations"]] for clip in clips]
    box = [0.4, 0.0, 0.9, 1.0]
    assert events == [[(0, box)], [], [(1, box)], [], [(2, box)], []]
    name = f"mixture_{subset}_glassbreak_000_abc.wav"
    assert clips[2]["file_name"] == str(folder / "audio" / name)
    assert clips[2]["width"] == 1.0 and read_audio(clips[2]["file_name"]).shape == (44100,)


def test_one_class_needs_only_its_own_files_and_no_recipes(tmp_path):
    folder = build(tmp_path, recipes=False)
    (folder / "meta" / "event_list_devtrain_babycry.csv").unlink()
    clips = load_tut_rare(str(tmp_path), "devtrain", ["gunshot"])
    assert [clip["target"] for clip in clips] == ["gunshot"] * 2
    assert clips[0]["annotations"][0]["category_id"] == 0 and "source_group" not in clips[0]
    with pytest.raises(DataError, match="event_list_devtrain_babycry.csv: no such event list"):
        load_tut_rare(str(tmp_path), "devtrain")


def test_withdrawn_mixtures_are_left_out(tmp_path):
    build(tmp_path)
    tools = tmp_path / "TUT-rare-sound-events-2017-development"
    tools /= "TUT_Rare_sound_events_mixture_synthesizer"
    tools.mkdir()
    (tools / "affected_files.txt").write_text("mixture_devtrain_babycry_001_abc.wav\n")
    clips = load_tut_rare(str(tmp_path), "devtrain")
    assert [clip["target"] for clip in clips].count("babycry") == 1 and len(clips) == 5


def test_other_mixing_parameters(tmp_path):
    own = build(tmp_path, param_hash="0123")
    assert str(own) in load_tut_rare(str(tmp_path), "devtrain")[0]["file_name"]
    build(tmp_path, param_hash="4567")
    with pytest.raises(DataError, match=f"{OFFICIAL}: no such folder .found 0123, 4567"):
        load_tut_rare(str(tmp_path), "devtrain")
    build(tmp_path)
    assert OFFICIAL in load_tut_rare(str(tmp_path), "devtrain")[0]["file_name"]


def test_what_is_missing_is_said(tmp_path):
    expected = f"evaluation/data/mixture_data/evaltest/{EVAL}: no such folder .*datasets/README.md"
    with pytest.raises(DataError, match=expected):
        load_tut_rare(str(tmp_path), "eval")
    folder = build(tmp_path)
    (folder / "audio" / "mixture_devtrain_babycry_000_abc.wav").unlink()
    with pytest.raises(DataError, match="1 of 2 recordings missing"):
        load_tut_rare(str(tmp_path), "devtrain")


@pytest.mark.parametrize("content", ["- {", "- just text", "- bg_path: a.wav"])
def test_damaged_recipes(tmp_path, content):
    folder = build(tmp_path)
    (folder / "meta" / "mixture_recipes_devtrain_gunshot.yaml").write_text(content)
    with pytest.raises(DataError, match="recipes_devtrain_gunshot.yaml: not a list of") as error:
        load_tut_rare(str(tmp_path), "devtrain")
    assert "\n" not in str(error.value)


def test_a_label_of_another_class_in_a_list(tmp_path):
    folder = build(tmp_path)
    events = folder / "meta" / "event_list_devtrain_gunshot.csv"
    events.write_text("mixture_devtrain_gunshot_000_abc.wav\t0\t1\tbabycry\n")
    with pytest.raises(DataError, match="gunshot.csv:1: unknown label babycry"):
        load_tut_rare(str(tmp_path), "devtrain")


def test_names(tmp_path, register_anew):
    names = [f"tut_rare_2017_{s}" for s in ("devtrain", "devtest", "eval")]
    names += [f"tut_rare_2017_{k}_{s}" for k in LABELS for s in ("devtrain", "devtest", "eval")]
    names += [f"tut_rare_made_{k}_{made}" for k in LABELS for made in MADE]
    assert MetadataCatalog.get("tut_rare_2017_eval").thing_classes == list(LABELS)
    assert MetadataCatalog.get("tut_rare_2017_gunshot_eval").thing_classes == ["gunshot"]
    build(tmp_path)
    register_anew(names, register_tut_rare, tmp_path)
    clips = DatasetCatalog.get("tut_rare_2017_gunshot_devtrain")
    assert [clip["target"] for clip in clips] == ["gunshot"] * 2
