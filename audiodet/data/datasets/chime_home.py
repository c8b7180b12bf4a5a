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
U (unidentifiable) stand for no label. Where this is from:

- the organisers' baseline pafoster/dcase2016_task4: baseline/src/dataset_chimehome.py (files,
  columns, letters, 16 kHz, folds counted from 0 that it names from 1) and
  evaluation_scripts/fold1_evaluate.csv (the 1946 development chunks and their votes);
- dcase.community/challenge2016/task-audio-tagging: sample rates, channels, parts;
- lgerrets/asait18-tagging: six chunks of the corpus with their annotations;
- huggingface.co/datasets/gijs/audio-datasets: names and sizes of the lists; the sizes are those
  of 1946 and 816 lines with these columns, without headers and quotes;
- DCASE-REPO/dcase_util, dcase_util/datasets/dcase2016.py: the labels' names.

Not verified, since the archive could not be looked into: that the annotations of the evaluation
chunks lie in ``chunks`` too, as the challenge gave them out later. Releases before the challenge
have chunks_refined.csv and other audio names, and cannot be read.

``datasets/README.md`` says where to get it.
"""

import os

from audiodet.data.datasets.common import expect_files, table_dicts
from audiodet.data.datasets.trees import expect_choice, register_sed, tree_file, tree_folder
from audiodet.data.labels.table import LabelTable, Row, read_lines
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
VOTE = "majorityvote"


def register_chime_home(root: str) -> None:
    """Register ``chime_home_{development,evaluation}`` and ``chime_home_fold{1..5}_{train,test}``.

    Args:
        root: folder that holds the official tree; nothing is read before a set is asked for.
    """
    for split in LISTS:
        register_sed(f"chime_home_{split}", LABELS, load_chime_home, root, split)
    for fold in FOLDS:
        for split in ("train", "test"):
            name = f"chime_home_fold{fold}_{split}"
            register_sed(name, LABELS, load_chime_home, root, split, fold)


def load_chime_home(root: str, split: str, fold: int | None = None) -> list[dict]:
    """Dataset dicts of the refined chunks at 16 kHz; source in the module's docstring.

    Args:
        root: folder that holds the official tree.
        split: "development" or "evaluation"; with a fold, "train" or "test".
        fold: 1 to 5, a fold of the development chunks; None takes all chunks of the split.

    Returns:
        One dict per chunk, in the list's order, with weak labels: ``clip_labels`` are category
        ids in the order of ``LABELS``, those of the majority vote; width is the duration (from
        the header) in seconds.

    Raises:
        DataError: the split or fold does not exist; the tree, a list, annotations or chunks are
            missing; a list or a vote is damaged, or a vote has an unknown letter.
        AudioError: the header of a chunk cannot be read.
    """
    if fold is None:
        expect_choice("split", split, LISTS)
    else:
        expect_choice("fold", fold, FOLDS)
        expect_choice("split", split, ("train", "test"))
    top = tree_folder(root, FOLDER)
    path = tree_file(os.path.join(top, FOLD_LIST if fold else LISTS[split]), "chunk list")
    chunks = _listed(path) if fold is None else _in_fold(path, fold, split)
    folder = os.path.join(top, "chunks")
    annotations = [os.path.join(folder, f"{chunk}.csv") for _, chunk in chunks]
    expect_files(path, annotations, "annotation files")
    rows = [
        Row(line, f"{chunk}.16kHz.wav", _voted(annotation))
        for (line, chunk), annotation in zip(chunks, annotations)
    ]
    return table_dicts(LabelTable(path, "weak", rows), folder, list(LABELS))


def _listed(path: str) -> list[tuple[int, str]]:
    """Line numbers and names of the chunks of a list."""
    return [(line, fields[1]) for line, fields in _fields(path, ("id", "chunk"))]


def _in_fold(path: str, fold: int, split: str) -> list[tuple[int, str]]:
    """Chunks of the fold (test) or of the other ones (train), see :func:`_listed`."""
    chunks = []
    for line, (_, chunk, official) in _fields(path, ("id", "chunk", "fold")):
        if official not in [str(one - 1) for one in FOLDS]:
            raise DataError(f"{path}:{line}: fold {official!r}, expected 0 to {len(FOLDS) - 1}")
        if (int(official) + 1 == fold) == (split == "test"):
            chunks.append((line, chunk))
    return chunks


def _voted(path: str) -> tuple[str, ...]:
    """Labels of a chunk's majority vote."""
    for line, (name, vote) in _fields(path, ("name", "value")):
        if name != VOTE:
            continue
        unknown = sorted(set(vote) - {*LETTERS, *NO_LABEL})
        if unknown:
            raise DataError(
                f"{path}:{line}: unknown label {', '.join(unknown)} in the vote {vote!r}, "
                f"expected some of {', '.join([*LETTERS, *NO_LABEL])}"
            )
        return tuple(LETTERS[letter] for letter in vote if letter in LETTERS)
    raise DataError(f"{path}: no line with the name {VOTE}, expected {VOTE},<letters>")


def _fields(path: str, columns: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """Line numbers and stripped fields of a file whose lines all have these columns."""
    found = []
    for line, fields in read_lines(path, ","):
        fields = [text.strip() for text in fields]
        if any(fields) and len(fields) != len(columns):
            raise DataError(f"{path}:{line}: found {fields}, expected {','.join(columns)}")
        if any(fields):
            found.append((line, fields))
    return found
