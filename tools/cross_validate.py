#!/usr/bin/env python
"""Train and test a configuration on every fold, and pool the folds as the papers do.

Examples:
    tools/cross_validate.py --config-file configs/crnn/tut2016_crnn.yaml --folds 1 2 3 4
    tools/cross_validate.py --config-file configs/crnn/chime_crnn.yaml --folds 1 2 3 4 5
    tools/cross_validate.py --config-file configs/tfseg/dcase2018_gwrp.yaml --folds 1 2 3 4 -- \
        MODEL.TFSEG.RANK_DECAY 0.0 OUTPUT_DIR output/tfseg/dcase2018_gmp

In the names of DATASETS "fold<n>" becomes each fold. Folds that are done are not repeated. Counts
of frames and seconds, with TEST.MICRO_SECONDS, are summed over all folds before F1 and ER are
taken, by scene where there are scenes. All other figures are averaged over the folds: "legacy F1",
that of Çakır et al.'s Table V, and those of tags, frames, masks and events.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable
import numpy as np

from audiodet.engine.setup import load_config
from audiodet.errors import AudiodetError
from audiodet.evaluation import Segments, load_clips, micro_results, score_clips
from audiodet.evaluation.legacy import legacy_f1
from audiodet.events import thresholds_by_label
from audiodet.files import write_text
from command_line import parser_of, run_main

TRAIN_NET = Path(__file__).with_name("train_net.py")
SECONDS = {"frame": 0.02, "40 ms": 0.04, "1 s": 1.0}
# Kind -> file and task of its evaluator, figures that are averaged.
AVERAGED = {
    "tags": ("tagging", "tagging", ("EER", "F1", "AUC", "mAP")),
    "frames": ("frames", "frames", ("F1", "AUC", "mAP")),
    "masks": ("masks", "masks", ("F1", "AUC", "mAP")),
    "events": ("metrics", "sed", ("F1", "ER", "deletions", "insertions")),
}


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument("--folds", type=int, nargs="+", required=True)
    parser.add_argument("opts", nargs="*", help="KEY VALUE pairs for every fold")
    return parser.parse_args()


def of_fold(cfg, fold: int) -> list[str]:
    """KEY VALUE pairs that make a configuration one of a fold."""
    opts = ["OUTPUT_DIR", f"{cfg.OUTPUT_DIR}/fold{fold}"]
    for split in ("TRAIN", "VAL", "TEST"):
        names = [re.sub(r"fold\d+", f"fold{fold}", name) for name in cfg.DATASETS[split]]
        opts += [f"DATASETS.{split}", str(names)]
    return opts


def run_fold(args: argparse.Namespace, cfg, fold: int) -> Path:
    """Train a fold, unless it is done -> the evaluators' folder of its test set."""
    opts = [*args.opts, *of_fold(cfg, fold)]
    name = re.sub(r"fold\d+", f"fold{fold}", cfg.DATASETS.TEST[0])
    folder = Path(cfg.OUTPUT_DIR) / f"fold{fold}"
    if not (folder / "done").is_file():
        command = [sys.executable, str(TRAIN_NET), "--config-file", args.config_file, "--resume"]
        if subprocess.run([*command, *opts]).returncode:
            raise AudiodetError(f"{folder}: the training of fold {fold} failed, see its log.txt")
        write_text(folder / "done", "")
    return folder / "inference" / name


def pooled(folders: list[Path], cfg) -> dict[str, float]:
    """{figure: value} of all folds together."""
    figures = micro_figures(folders, cfg) if cfg.TEST.MICRO_SECONDS else {}
    for kind, (file, task, names) in AVERAGED.items():
        files = [folder / f"{file}.json" for folder in folders]
        if all(path.is_file() for path in files):
            found = [json.loads(path.read_text())[task] for path in files]
            for name in names:
                figures[f"{kind} {name}"] = float(np.mean([fold[name] for fold in found]))
    return figures


def micro_figures(folders: list[Path], cfg) -> dict[str, float]:
    """Those of segments, where all folds have events."""
    figures = {}
    labels = list(cfg.DATASETS.LABELS)
    files = [folder / "clips.jsonl" for folder in folders]
    if all(path.is_file() for path in files):
        folds = [load_clips(path) for path in files]
        clips = sum(folds, [])
        thresholds = thresholds_by_label(cfg.TEST.THRESHOLDS, labels)
        for name, seconds in SECONDS.items():
            found = micro_results(score_clips(clips, labels, thresholds, False, Segments(seconds)))
            figures[f"{name} F1"] = found["F1"]
            figures[f"{name} ER"] = found["ER"]
        legacy = [legacy_f1(fold, labels, thresholds) for fold in folds]
        figures["legacy F1 of 1 s"] = float(np.mean(legacy))
    return figures


def main(args: argparse.Namespace) -> None:
    """Run the folds, print the figures and keep them."""
    cfg = load_config(args.config_file, args.opts)
    figures = pooled([run_fold(args, cfg, fold) for fold in args.folds], cfg)
    for name, value in figures.items():
        print(f"{name:18} {value:.2f}")
    write_text(Path(cfg.OUTPUT_DIR) / "pooled.json", json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    run_main(main, parse_args)
