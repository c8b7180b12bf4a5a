#!/usr/bin/env python
"""Mix DCASE 2018 Task 2 events into Task 1 scenes, in the layout of Kong et al. 2019.

The draws follow the authors' release step by step, so that the same source files give the same
``mixture.yaml``: Task 2's files are dealt to four folds; each fold takes its manually verified
ones in one shuffled order, again and again, three for each of 2,000 mixtures; scenes are used once
each, whatever the fold.

Example:
    tools/make_remix.py --scenes TUT-urban-acoustic-scenes-2018-development --events task2 \
        --out datasets/dcase2018_remix
"""

import csv
import os
from pathlib import Path

import numpy as np
import soundfile as sf
import yaml
from tqdm import tqdm

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.audio.io import audio_info, read_audio
from audiodet.data.datasets.dcase2018_remix import FOLDS, MIXTURE_YAML, audio_folder
from audiodet.data.mixing.rules import LONGEST, RATIOS, STARTS
from audiodet.errors import DataError
from audiodet.files import atomic_path, write_text
from command_line import parser_of, run_main

SEED = 1234
MIXTURES = 2000  # of each fold
SAMPLE_RATE = 32000  # Hz
SECONDS = 10.0


def parse_args():
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--scenes", required=True, help="Task 1: folder with meta.csv and audio")
    parser.add_argument("--events", required=True, help="Task 2: with train.csv and audio_train")
    parser.add_argument("--out", required=True, help="the workspace, made when missing")
    parser.add_argument("--snr", type=int, nargs="+", default=list(RATIOS), help="in dB (20 10 0)")
    parser.add_argument("--count", type=int, default=MIXTURES, help="mixtures of each fold (2000)")
    return parser.parse_args()


def deal_folds(events_dir: str) -> list[dict]:
    """Rows of Task 2's train.csv (fname, label, manually_verified), each with its "fold"."""
    columns = ("fname", "label", "manually_verified")
    rows = _rows(os.path.join(events_dir, "train.csv"), ",", columns)
    order = np.arange(len(rows))
    np.random.RandomState(SEED).shuffle(order)
    for place, row in enumerate(order):
        rows[row]["fold"] = FOLDS[place % len(FOLDS)]
    return rows


def draw_mixtures(scenes_dir: str, events_dir: str, per_fold: int = MIXTURES) -> list[dict]:
    """What each mixture is made of, with the fields of the authors' mixture.yaml."""
    rows = deal_folds(events_dir)
    rng = np.random.RandomState(SEED)
    meta = os.path.join(scenes_dir, "meta.csv")
    scenes = np.array([row["filename"] for row in _rows(meta, "\t", ("filename",))])
    rng.shuffle(scenes)
    if len(scenes) < per_fold * len(FOLDS):
        raise DataError(f"{meta}: {len(scenes)} scenes, expected {per_fold * len(FOLDS)}")
    mixtures = []
    for fold in FOLDS:
        verified = [row for row in rows if row["fold"] == fold and row["manually_verified"] == "1"]
        if not verified:
            raise DataError(f"{events_dir}: no manually verified event in fold {fold}")
        for three in _deal_threes(len(verified), per_fold, rng):
            number = len(mixtures)
            events = [
                _event(verified[place], start, events_dir) for place, start in zip(three, STARTS)
            ]
            mixtures.append(
                {
                    "mixture_name": f"{number:05d}.wav",
                    "fold": fold,
                    "events": events,
                    "scene_audio_name": os.path.basename(scenes[number]),
                }
            )
    return mixtures


def _deal_threes(files: int, mixtures: int, rng: np.random.RandomState) -> np.ndarray:
    """(mixtures, 3) numbers of ``files`` events: one shuffled order, again and again."""
    wanted = mixtures * len(STARTS)
    order = np.arange(files)
    for _ in range(wanted // files + 1):  # as released: only the last order is used
        rng.shuffle(order)
    return np.resize(order, wanted).reshape(mixtures, len(STARTS))


def write_remix(mixtures, scenes_dir: str, events_dir: str, workspace: str, ratios) -> None:
    """Write mixture.yaml, then every mixture at every ratio; a progress bar on stderr.

    A scene has an RMS of 0 dB, an event one of the ratio over its whole file; what is louder than
    full scale is scaled down with its scene. Channel 1 is the events, channel 2 the scene, 16 bit.
    """
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    write_text(Path(workspace) / MIXTURE_YAML, yaml.dump(mixtures, Dumper=dumper))
    for ratio in ratios:
        folder = Path(workspace) / audio_folder(ratio)
        for mixture in tqdm(mixtures, desc=f"{ratio} dB", unit="clip"):
            samples = mix_parts(mixture, scenes_dir, events_dir, ratio)
            with atomic_path(folder / mixture["mixture_name"]) as temporary:
                sf.write(temporary, samples, SAMPLE_RATE, "PCM_16", format="WAV")


def mix_parts(mixture: dict, scenes_dir: str, events_dir: str, ratio: float) -> np.ndarray:
    """Events and scene, float64 (samples, 2) with a peak of 1; see :func:`write_remix`."""
    scene_path = os.path.join(scenes_dir, "audio", mixture["scene_audio_name"])
    parts = np.zeros((round(SECONDS * SAMPLE_RATE), 2))
    scene = _at_level(scene_path, 0.0)[: len(parts)]
    parts[: len(scene), 1] = scene
    for event in mixture["events"]:
        path = os.path.join(events_dir, "audio_train", event["event_audio_name"])
        first, end = (int(event[name] * SAMPLE_RATE) for name in ("onset", "offset"))
        sound = _at_level(path, ratio)[: end - first]
        parts[first : first + len(sound), 0] = sound
    return parts / np.abs(parts).max()


def _at_level(path: str, level_db: float) -> np.ndarray:
    samples = read_audio(path, SAMPLE_RATE).astype(np.float64)
    rms = np.sqrt(np.mean(samples**2))
    if not rms:
        raise DataError(f"{path}: silent, expected a sound")
    return samples / rms * 10 ** (level_db / 20)


def _event(row: dict, start: float, events_dir: str) -> dict:
    path = os.path.join(events_dir, "audio_train", row["fname"])
    length = min(audio_info(path).duration, LONGEST)
    times = {"onset": start, "offset": start + length}
    return {"event_audio_name": row["fname"], "event_label": row["label"], **times}


def _rows(path: str, delimiter: str, columns) -> list[dict]:
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream, delimiter=delimiter))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)}, expected {', '.join(columns)}")
    return rows


def main(args) -> None:
    """Draw, mix and write."""
    mixtures = draw_mixtures(args.scenes, args.events, args.count)
    write_remix(mixtures, args.scenes, args.events, args.out, args.snr)
    print(args.out)


if __name__ == "__main__":
    run_main(main, parse_args)
