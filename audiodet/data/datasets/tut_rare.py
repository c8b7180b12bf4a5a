"""TUT Rare Sound Events 2017 (DCASE 2017 Task 2), in the folder trees its authors publish.

As the READMEs inside "TUT Rare Sound events 2017, Development dataset" and "... Evaluation
dataset" (A. Diment, T. Heittola, A. Mesaros, T. Virtanen) and the published mixture synthesizer
(TUT-ARG/TUT_Rare_sound_events_mixture_synthesizer) have them. Under the root::

    TUT-rare-sound-events-2017-development/data/mixture_data/{devtrain,devtest}/<hash>/
        meta/event_list_devtrain_babycry.csv         file [onset offset label], tabs, seconds
        meta/mixture_recipes_devtrain_babycry.yaml   optional here
        audio/mixture_devtrain_babycry_000_<hash>.wav    44.1 kHz, 24 bit, 30 s
    TUT-rare-sound-events-2017-evaluation/data/mixture_data/evaltest/<hash>/   likewise
    TUT-rare-made/data/mixture_data/<set>/<hash>/    likewise, by tools/make_rare_sets.py

``datasets/README.md`` says where to get them.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from audiodet.data.datasets.common import (
    WHERE,
    number_clips,
    read_good_table,
    register_tree,
    table_dicts,
    tree_path,
)
from audiodet.data.labels.rows import STRONG, LabelTable
from audiodet.errors import DataError

logger = logging.getLogger(__name__)

LABELS = ("babycry", "glassbreak", "gunshot")
# Our split -> (part of the data, folder in the tree, hash of the official mixing parameters).
SPLITS = {
    "devtrain": ("development", "devtrain", "20b255387a2d0cddc0a3dff5014875e7"),
    "devtest": ("development", "devtest", "20b255387a2d0cddc0a3dff5014875e7"),
    "eval": ("evaluation", "evaltest", "bbb81504db15a03680a0044474633b67"),
}
# What the two papers train on: share of clips with an event; the last two choose checkpoints.
MADE = {"half": 0.5, "nearly_all": 0.99, "all": 1.0, "half_val": 0.5, "all_val": 1.0}
AFFECTED = os.path.join("TUT_Rare_sound_events_mixture_synthesizer", "affected_files.txt")


def register_tut_rare(root: str) -> None:
    """Register ``tut_rare_2017_{devtrain,devtest,eval}``, one set per label and split, and of each
    label ``tut_rare_made_<label>_{half,nearly_all,all,half_val,all_val}``.
    """
    for split in SPLITS:
        register_tree(f"tut_rare_2017_{split}", LABELS, load_tut_rare, root, split)
        for label in LABELS:
            name = f"tut_rare_2017_{label}_{split}"
            register_tree(name, [label], load_tut_rare, root, split, [label])
    for made in MADE:
        for label in LABELS:
            name = f"tut_rare_made_{label}_{made}"
            register_tree(name, [label], load_made, root, made, label)


def load_tut_rare(root: str, split: str, labels: Sequence[str] = LABELS) -> list[dict]:
    """Dataset dicts of the official mixtures of the trees under ``root``.

    Args:
        split: "devtrain", "devtest" or "eval".
        labels: classes whose mixtures are loaded; also the order of the category ids.

    Returns:
        One dict per mixture of the event lists, without those of affected_files.txt. ``target`` is
        the class that it is scored for. With recipes in the tree, ``source_group`` is the
        recording of the event ("babycry/31527.wav") or, without one, of the background ("a001").

    Raises:
        DataError: the tree, a list or mixtures are missing, or a list is damaged.
        AudioError: the header of a mixture cannot be read.
    """
    part, subset, _ = SPLITS[split]
    top = os.path.join(root, f"TUT-rare-sound-events-2017-{part}")
    folder = _mixture_folder(top, split)
    affected = _affected(os.path.join(top, AFFECTED))
    clips = []
    for label in labels:
        meta = os.path.join(folder, "meta", f"{{}}_{subset}_{label}.{{}}")
        table = _mixture_table(meta.format("event_list", "csv"), label, affected)
        groups = _source_groups(meta.format("mixture_recipes", "yaml"))
        for clip in table_dicts(table, os.path.join(folder, "audio"), labels):
            clip["target"] = label
            group = groups.get(os.path.basename(clip["file_name"]))
            if group:
                clip["source_group"] = group
            clips.append(clip)
    return number_clips(clips)


def load_made(root: str, made: str, label: str) -> list[dict]:
    """Dataset dicts of one of MADE that ``tools/make_rare_sets.py`` wrote, of one label.

    Raises:
        DataError: it is not there, or there are several.
    """
    parent = os.path.join(root, "TUT-rare-made", "data", "mixture_data", made)
    folders = sorted(path for path in Path(parent).glob("*/") if (path / "meta").is_dir())
    if len(folders) != 1:
        raise DataError(
            f"{parent}: {len(folders)} sets of mixtures, expected one, by tools/make_rare_sets.py"
        )
    path = tree_path(str(folders[0] / "meta" / f"event_list_{made}_{label}.csv"), "event list")
    table = read_good_table(path, [label], STRONG)
    clips = table_dicts(table, str(folders[0] / "audio"), [label])
    return [{**clip, "target": label} for clip in clips]


def _mixture_table(path: str, label: str, affected: set[str]) -> LabelTable:
    """An event list without the affected mixtures."""
    table = read_good_table(tree_path(path, "event list"), [label], STRONG)
    kept = [row for row in table.rows if row.filename not in affected]
    dropped = len(table.rows) - len(kept)
    if dropped:
        logger.info("%s: left out %d mixtures of affected_files.txt", path, dropped)
    return replace(table, rows=kept)


def _mixture_folder(top: str, split: str) -> str:
    """Folder with the ``meta`` and ``audio`` of a split: the official hash, or the only one."""
    _, subset, official = SPLITS[split]
    parent = os.path.join(top, "data", "mixture_data", subset)
    folders = sorted(path.name for path in Path(parent).glob("*/"))
    if official in folders:
        return os.path.join(parent, official)
    if len(folders) == 1:
        return os.path.join(parent, folders[0])
    raise DataError(
        f"{os.path.join(parent, official)}: no such folder (found {', '.join(folders) or 'nothing'}"
        f" in {parent}); {WHERE}"
    )


def _affected(path: str) -> set[str]:
    """Mixtures that the authors withdrew; empty when the tree has no such list."""
    if not os.path.isfile(path):
        return set()
    with open(path, encoding="utf-8") as stream:
        return set(stream.read().split())


def _source_groups(path: str) -> dict[str, str]:
    """Mixture file name -> the recording it is made of; empty when there are no recipes."""
    if not os.path.isfile(path):
        return {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with open(path, encoding="utf-8") as stream:
            recipes = yaml.load(stream, Loader=loader)
        return {recipe["mixture_audio_filename"]: _source(recipe) for recipe in recipes}
    except (yaml.YAMLError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a list of mixture recipes ({reason})") from None


def _source(recipe: dict) -> str:
    """Recording of the event; without one, the background's, of which files are segments."""
    if recipe["event_present"]:
        return recipe["event_path"]
    return os.path.splitext(os.path.basename(recipe["bg_path"]))[0].split("_")[0]
