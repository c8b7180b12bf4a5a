"""The remix of DCASE 2018 Task 1 scenes and Task 2 events, as Kong et al. 2019 lay it out.

Under ``<root>/dcase2018_remix``, the "workspace" of the authors' release
(qiuqiangkong/sed_time_freq_segmentation)::

    yaml_files/mixture.yaml                                     what each mixture is made of
    mixed_audios/scene_type=dcase2018_task1,snr=0/00000.wav     32 kHz, 10 s, events | scene

:mod:`audiodet.data.mixing.dcase2018` writes it; ``datasets/README.md`` says where its sources are.
"""

import os
from functools import lru_cache, partial

import yaml
from detectron2.structures import BoxMode

from audiodet.audio import audio_info
from audiodet.data.datasets.remix_mini import weak
from audiodet.data.datasets.trees import register_tree
from audiodet.errors import DataError

REMIX_LABELS = (
    "Acoustic_guitar",
    "Applause",
    "Bark",
    "Bass_drum",
    "Burping_or_eructation",
    "Bus",
    "Cello",
    "Chime",
    "Clarinet",
    "Computer_keyboard",
    "Cough",
    "Cowbell",
    "Double_bass",
    "Drawer_open_or_close",
    "Electric_piano",
    "Fart",
    "Finger_snapping",
    "Fireworks",
    "Flute",
    "Glockenspiel",
    "Gong",
    "Gunshot_or_gunfire",
    "Harmonica",
    "Hi-hat",
    "Keys_jangling",
    "Knock",
    "Laughter",
    "Meow",
    "Microwave_oven",
    "Oboe",
    "Saxophone",
    "Scissors",
    "Shatter",
    "Snare_drum",
    "Squeak",
    "Tambourine",
    "Tearing",
    "Telephone",
    "Trumpet",
    "Violin_or_fiddle",
    "Writing",
)
RATIOS, FOLDS = (20, 10, 0), (1, 2, 3, 4)  # dB; the authors count folds from 1
FOLDER = "dcase2018_remix"
MIXTURE_YAML = os.path.join("yaml_files", "mixture.yaml")


def audio_folder(ratio: int) -> str:
    """Folder of the mixtures at a ratio in dB, relative to the workspace."""
    return os.path.join("mixed_audios", f"scene_type=dcase2018_task1,snr={ratio}")


def register_dcase2018_remix(root: str) -> None:
    """Register ``dcase2018_remix_{20,10,0}db_fold{1,2,3,4}_{train,test}``.

    Args:
        root: folder that holds the workspace; nothing is read before a set is asked for.
    """
    workspace = os.path.join(root, FOLDER)
    for ratio in RATIOS:
        for fold in FOLDS:
            for split in ("train", "test"):
                name = f"dcase2018_remix_{ratio}db_fold{fold}_{split}"
                load = partial(load_dcase2018_remix, workspace, ratio, fold, split)
                register_tree(name, REMIX_LABELS, load)


def load_dcase2018_remix(workspace: str, ratio: int, fold: int, split: str) -> list[dict]:
    """Dataset dicts of the mixtures of one fold ("test"), or of all others ("train").

    Training mixtures have clip labels alone. Every dict has "parts": "channels": its file keeps
    events and scene in two channels, whose mean is the mixture.

    Raises:
        DataError: the list or mixtures are missing, or the list is damaged.
        AudioError: the header of a mixture cannot be read.
    """
    path = os.path.join(workspace, MIXTURE_YAML)
    folder = os.path.join(workspace, audio_folder(ratio))
    mixtures = [m for m in _mixtures(path) if (m["fold"] == fold) == (split == "test")]
    paths = [os.path.join(folder, m["mixture_name"]) for m in mixtures]
    missing = [p for p in paths if not os.path.isfile(p)]
    if missing or not paths:
        raise DataError(
            f"{path}: {len(missing)} of {len(paths)} mixtures of fold {fold}'s {split} set missing "
            f"in {folder}, the first: {', '.join(missing[:3]) or 'none listed'}"
        )
    clips = [_clip(path, p, i, m["events"]) for i, (p, m) in enumerate(zip(paths, mixtures))]
    return [weak(clip) for clip in clips] if split == "train" else clips


@lru_cache(maxsize=2)
def _mixtures(path: str) -> tuple[dict, ...]:
    if not os.path.isfile(path):
        raise DataError(f"{path}: no such list of mixtures; see datasets/README.md for the tree")
    try:
        with open(path, encoding="utf-8") as stream:
            found = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for mixture in found:
            mixture["mixture_name"], mixture["fold"]
            for event in mixture["events"]:
                event["event_label"], float(event["onset"]), float(event["offset"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a list of mixtures ({reason})") from None
    return tuple(found)


def _clip(source: str, path: str, number: int, events: list[dict]) -> dict:
    annotations = []
    for event in events:
        if event["event_label"] not in REMIX_LABELS:
            raise DataError(
                f"{source}: label {event['event_label']!r}, expected one of the 41 of Task 2"
            )
        annotations.append(
            {
                "bbox": [float(event["onset"]), 0.0, float(event["offset"]), 1.0],
                "bbox_mode": BoxMode.XYXY_ABS,
                "category_id": REMIX_LABELS.index(event["event_label"]),
                "iscrowd": 0,
            }
        )
    return {
        "file_name": path,
        "image_id": number,
        "height": 1,
        "width": audio_info(path).duration,
        "annotations": annotations,
        "label_kind": "strong",
        "parts": "channels",
    }
