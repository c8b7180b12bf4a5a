"""TUT-SED Synthetic 2016, in the folder tree its authors publish.

The corpus of E. Cakir, G. Parascandolo, T. Heittola, H. Huttunen and T. Virtanen,
"Convolutional recurrent neural networks for polyphonic sound event detection" (IEEE/ACM TASLP
25(6), 2017): 100 mixtures, 566 minutes, 60 % for training, 20 % each for validation and test,
which are made of different instances of the sounds. Under the root::

    TUT-SED-synthetic-2016/
        audio/TUT-SED-synthetic-2016-mix-0.wav ... -mix-99.wav
        meta/TUT-SED-synthetic-2016-annot-0.txt ...    onset offset label; seconds, no header
        evaluation_setup/train+validate.txt, validate.txt, test.txt    first column: audio file

Training is what train+validate.txt lists and validate.txt does not; events come from ``meta``.
``datasets/README.md`` says where to get the tree, where this is from and what of it could not be
verified.
"""

import os

from audiodet.data.datasets.common import (
    expect_choice,
    expect_files,
    number_clips,
    read_good_table,
    register_tree,
    table_dicts,
    tree_path,
)
from audiodet.data.labels.rows import STRONG, Row
from audiodet.data.labels.table import read_table

LABELS = tuple(
    """
    alarms_and_sirens baby_crying bird_singing bus cat_meowing crowd_applause crowd_cheering
    dog_barking footsteps glass_smash gun_shot horsewalk mixer motorcycle rain thunder
    """.split()
)
FOLDER = "TUT-SED-synthetic-2016"
# Our split -> (official list that holds it, list whose mixtures are taken out of that one).
SPLITS = {
    "train": ("train+validate.txt", "validate.txt"),
    "validation": ("validate.txt", None),
    "test": ("test.txt", None),
}


def register_tut_sed_synthetic(root: str) -> None:
    """Register ``tut_sed_synthetic_2016_{train,validation,test}`` of the tree under ``root``."""
    for split in SPLITS:
        name = f"tut_sed_synthetic_2016_{split}"
        register_tree(name, LABELS, load_tut_sed_synthetic, root, split)


def load_tut_sed_synthetic(root: str, split: str) -> list[dict]:
    """Dataset dicts of the official mixtures under ``root``, in the list's order.

    Args:
        split: "train", "validation" or "test".

    Raises:
        DataError: the split does not exist; the tree, a list, annotations or mixtures are
            missing; an annotation is damaged, has an unknown label or lies outside its mixture.
        AudioError: the header of a mixture cannot be read.
    """
    expect_choice("split", split, SPLITS)
    top = tree_path(os.path.join(root, FOLDER), "folder")
    listed_in, without = SPLITS[split]
    path = os.path.join(top, "evaluation_setup", listed_in)
    names = _listed(path)
    if without:
        others = set(_listed(os.path.join(top, "evaluation_setup", without)))
        names = [name for name in names if name not in others]
    expect_files(path, [os.path.join(top, name) for name in names])
    stems = [os.path.splitext(os.path.basename(name))[0] for name in names]
    annotations = [
        os.path.join(top, "meta", stem.replace("-mix-", "-annot-") + ".txt") for stem in stems
    ]
    expect_files(path, annotations, "annotation files")
    clips = []
    for name, annotation in zip(names, annotations):
        events = read_good_table(annotation, LABELS, STRONG[1:], filename=name, delimiter=None)
        events.rows.insert(0, Row(0, name))  # a clip even when it has no event
        clips += table_dicts(events, top, LABELS)
    return number_clips(clips)


def _listed(path: str) -> list[str]:
    """Audio files of an official list, each once, relative to the tree."""
    header = ["filename"]
    return list(read_table(tree_path(path, "split list"), header=header, delimiter=None).clips())
