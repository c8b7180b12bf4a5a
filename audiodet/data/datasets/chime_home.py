"""CHiME-Home (DCASE 2016 Task 4), in the folder tree its authors publish.

P. Foster, S. Sigtia, S. Krstulovic, J. Barker, M. D. Plumbley, "CHiME-Home: a dataset for sound
source recognition in a domestic environment" (WASPAA 2015): chunks of 4 s with labels, but no
times. Used are the refined chunks, on which the annotators agree. Under the root::

    chime_home/
        development_chunks_refined.csv                       id, chunk; 1946 chunks
        development_chunks_refined_crossval_dcase2016.csv    id, chunk, fold from 0 to 4
        evaluation_chunks_refined.csv                        id, chunk; 816 chunks
        chunks/
            CR_lounge_200110_1601.s0_chunk3.16kHz.wav    mono; beside it .48kHz.wav in stereo
            CR_lounge_200110_1601.s0_chunk3.csv          name, value: "majorityvote,cv" and others

Commas, no headers. A vote is a string of the letters of ``LETTERS``; S (silence, background) and
U (unidentifiable) stand for no label. ``datasets/README.md`` says where to get the tree, where
this is from and what of it could not be verified.
"""

import os

from audiodet.data.datasets.common import (
    expect_choice,
    expect_files,
    held_out,
    register_tree,
    table_dicts,
    tree_path,
)
from audiodet.data.labels.rows import LabelTable, Row
from audiodet.data.labels.text import read_lines
from audiodet.errors import DataError

LETTERS = {
    "c": "child speech",
    "m": "adult male speech",
    "f": "adult female speech",
    "v": "video game/tv",
    "p": "percussive sound",
    "b": "broadband noise",
    "o": "other",
}
LABELS = tuple(LETTERS.values())
NO_LABEL = "SU"
FOLDER = "chime_home"
LISTS = {
    "development": "development_chunks_refined.csv",
    "evaluation": "evaluation_chunks_refined.csv",
}
FOLD_LIST = "development_chunks_refined_crossval_dcase2016.csv"
FOLDS = (1, 2, 3, 4, 5)
FOLD_SPLITS = ("train", "test", "fit", "val")
VOTE = "majorityvote"


def register_chime_home(root: str) -> None:
    """Register ``chime_home_{development,evaluation}`` and, of each fold,
    ``chime_home_fold{1..5}_{train,test,fit,val}``.
    """
    for split in LISTS:
        register_tree(f"chime_home_{split}", LABELS, load_chime_home, root, split)
    for fold in FOLDS:
        for split in FOLD_SPLITS:
            name = f"chime_home_fold{fold}_{split}"
            register_tree(name, LABELS, load_chime_home, root, split, fold)


def load_chime_home(root: str, split: str, fold: int | None = None) -> list[dict]:
    """Dataset dicts of the refined chunks at 16 kHz of the tree under ``root``.

    Args:
        split: "development" or "evaluation"; with a fold, "train" or "test", or "val", a fifth of
            the training chunks, or "fit", the others.
        fold: 1 to 5, a fold of the development chunks; None takes all chunks of the split.

    Returns:
        One dict per chunk, in the list's order, with the majority vote as weak labels.

    Raises:
        DataError: the split or fold does not exist; the tree, a list, annotations or chunks are
            missing; a list or a vote is damaged, or a vote has an unknown letter.
        AudioError: the header of a chunk cannot be read.
    """
    if fold is None:
        expect_choice("split", split, LISTS)
    else:
        expect_choice("fold", fold, FOLDS)
        expect_choice("split", split, FOLD_SPLITS)
    top = tree_path(os.path.join(root, FOLDER), "folder")
    path = tree_path(os.path.join(top, FOLD_LIST if fold else LISTS[split]), "chunk list")
    chunks = _chunks(path, fold, split)
    folder = os.path.join(top, "chunks")
    annotations = [os.path.join(folder, f"{chunk}.csv") for _, chunk in chunks]
    expect_files(path, annotations, "annotation files")
    table = LabelTable(path, "weak")
    for (line, chunk), annotation in zip(chunks, annotations):
        table.rows.append(Row(line, f"{chunk}.16kHz.wav", _voted(annotation)))
    if split in ("fit", "val"):
        table.rows = held_out(table.rows, split)
    return table_dicts(table, folder, LABELS)


def _chunks(path: str, fold: int | None, split: str) -> list[tuple[int, str]]:
    """Line numbers and names of a list's chunks: all, those of the fold (test) or of the others."""
    if fold is None:
        return [(line, chunk) for line, (_, chunk) in _fields(path, ("id", "chunk"))]
    official = {str(number - 1): number for number in FOLDS}  # the list counts from 0
    chunks = []
    for line, (_, chunk, text) in _fields(path, ("id", "chunk", "fold")):
        if text not in official:
            raise DataError(f"{path}:{line}: fold {text!r}, expected 0 to {len(FOLDS) - 1}")
        if (official[text] == fold) == (split == "test"):
            chunks.append((line, chunk))
    return chunks


def _voted(path: str) -> tuple[str, ...]:
    """Labels of a chunk's majority vote."""
    lines = _fields(path, ("name", "value"))
    votes = [(line, vote) for line, (name, vote) in lines if name == VOTE]
    if not votes:
        raise DataError(f"{path}: no line with the name {VOTE}, expected {VOTE},<letters>")
    line, vote = votes[0]
    unknown = sorted(set(vote) - {*LETTERS, *NO_LABEL})
    if unknown:
        raise DataError(
            f"{path}:{line}: unknown label {', '.join(unknown)} in the vote {vote!r}, "
            f"expected some of {', '.join([*LETTERS, *NO_LABEL])}"
        )
    return tuple(LETTERS[letter] for letter in vote if letter in LETTERS)


def _fields(path: str, columns: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """Line numbers and stripped fields of a file whose lines all have these columns."""
    rows = []
    for line, fields in read_lines(path, ","):
        if not any(fields):
            continue
        if len(fields) != len(columns):
            raise DataError(f"{path}:{line}: found {fields}, expected {','.join(columns)}")
        rows.append((line, fields))
    return rows
