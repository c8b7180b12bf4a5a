"""The remix of DCASE 2018 Task 1 scenes and Task 2 events, as Kong et al. 2019 lay it out.

Under ``<root>/dcase2018_remix``, the "workspace" of the authors' release
(qiuqiangkong/sed_time_freq_segmentation)::

    yaml_files/mixture.yaml                                     what each mixture is made of
    mixed_audios/scene_type=dcase2018_task1,snr=0/00000.wav     32 kHz, 10 s, events | scene

``tools/make_remix.py`` writes it; ``datasets/README.md`` says where its sources are.
"""

import os
from functools import lru_cache

import yaml

from audiodet.audio import audio_info
from audiodet.data.datasets.common import expect_files, register_tree, tree_path
from audiodet.data.labels.annotations import event_annotation, weakened
from audiodet.data.mixing.remix import RATIOS
from audiodet.errors import DataError

REMIX_LABELS = tuple(
    """
    Acoustic_guitar Applause Bark Bass_drum Burping_or_eructation Bus Cello Chime Clarinet
    Computer_keyboard Cough Cowbell Double_bass Drawer_open_or_close Electric_piano Fart
    Finger_snapping Fireworks Flute Glockenspiel Gong Gunshot_or_gunfire Harmonica Hi-hat
    Keys_jangling Knock Laughter Meow Microwave_oven Oboe Saxophone Scissors Shatter Snare_drum
    Squeak Tambourine Tearing Telephone Trumpet Violin_or_fiddle Writing
    """.split()
)
FOLDS = (1, 2, 3, 4)  # as the authors count them
FOLDER = "dcase2018_remix"
MIXTURE_YAML = os.path.join("yaml_files", "mixture.yaml")


def audio_folder(ratio: int) -> str:
    """Folder of the mixtures at a ratio in dB, relative to the workspace."""
    return os.path.join("mixed_audios", f"scene_type=dcase2018_task1,snr={ratio}")


def register_dcase2018_remix(root: str) -> None:
    """Register ``dcase2018_remix_{20,10,0}db_fold{1,2,3,4}_{train,test}``."""
    workspace = os.path.join(root, FOLDER)
    for ratio in RATIOS:
        for fold in FOLDS:
            for split in ("train", "test"):
                name = f"dcase2018_remix_{ratio}db_fold{fold}_{split}"
                args = (workspace, ratio, fold, split)
                register_tree(name, REMIX_LABELS, load_dcase2018_remix, *args)


def load_dcase2018_remix(workspace: str, ratio: int, fold: int, split: str) -> list[dict]:
    """Dataset dicts of the mixtures of one fold ("test"), or of all others ("train").

    Training mixtures have clip labels alone. Every dict has "parts": "channels": its file keeps
    events and scene in two channels, whose mean is the mixture.

    Raises:
        DataError: the list or mixtures are missing, or the list is damaged.
        AudioError: the header of a mixture cannot be read.
    """
    path = tree_path(os.path.join(workspace, MIXTURE_YAML), "list of mixtures")
    folder = os.path.join(workspace, audio_folder(ratio))
    mixtures = [m for m in _mixtures(path) if (m["fold"] == fold) == (split == "test")]
    files = [os.path.join(folder, mixture["mixture_name"]) for mixture in mixtures]
    expect_files(path, files, f"mixtures of fold {fold}'s {split} set")
    clips = []
    for number, (file_name, mixture) in enumerate(zip(files, mixtures)):
        clip = {
            "file_name": file_name,
            "image_id": number,
            "height": 1,
            "width": audio_info(file_name).duration,
            "annotations": [_annotation(path, event) for event in mixture["events"]],
            "label_kind": "strong",
            "parts": "channels",
        }
        clips.append(weakened(clip) if split == "train" else clip)
    return clips


@lru_cache(maxsize=2)
def _mixtures(path: str) -> tuple[dict, ...]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with open(path, encoding="utf-8") as stream:
            mixtures = tuple(yaml.load(stream, Loader=loader))
        for mixture in mixtures:
            mixture["mixture_name"], mixture["fold"]
            for event in mixture["events"]:
                event["event_label"], float(event["onset"]), float(event["offset"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a list of mixtures ({reason})") from None
    return mixtures


def _annotation(listed_in: str, event: dict) -> dict:
    label = event["event_label"]
    if label not in REMIX_LABELS:
        raise DataError(f"{listed_in}: label {label!r}, expected one of the 41 of Task 2")
    category = REMIX_LABELS.index(label)
    return event_annotation(float(event["onset"]), float(event["offset"]), category)
