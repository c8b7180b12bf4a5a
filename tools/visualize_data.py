#!/usr/bin/env python
"""Draw clips of a dataset as annotated, as training sees them, or as a model hears them."""

import argparse
import itertools
import os
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable
from tqdm import tqdm

from audiodet.data.datasets import setup_datasets
from audiodet.data.mapper import SEDMapper
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.visualization import draw_clip, save_figure
from command_line import run_main
from clip_sources import annotated, detected, loaded


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument(
        "--source",
        required=True,
        choices=["annotation", "dataloader", "model"],
        help="annotation: whole clips with their true events; dataloader: shuffled crops with "
        "augmentation, as training gets them; model: detections of MODEL.WEIGHTS",
    )
    parser.add_argument(
        "--dataset", metavar="NAME", help="default: first of DATASETS.TEST (model) or TRAIN"
    )
    parser.add_argument("--output-dir", default="./visualized", metavar="DIR")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="clips to draw (20)")
    parser.add_argument("--proposals", action="store_true", help="draw the model's proposals too")
    parser.add_argument("opts", nargs=argparse.REMAINDER, help="KEY VALUE pairs of the config")
    args = parser.parse_args()
    if args.proposals and args.source != "model":
        parser.error("--proposals needs --source model")
    return args


def main(args) -> None:
    """Draw up to --limit clips into --output-dir."""
    cfg = load_config(args.config_file, args.opts)
    setup_datasets(cfg)
    names = cfg.DATASETS.TEST if args.source == "model" else cfg.DATASETS.TRAIN
    if not (args.dataset or names):
        raise ConfigError("no dataset: give --dataset NAME or DATASETS.TRAIN / DATASETS.TEST")
    name = args.dataset or names[0]
    if args.source == "model":
        clips = detected(cfg, name, args.proposals)
    else:
        source = {"annotation": annotated, "dataloader": loaded}[args.source]
        clips = source(cfg, name)
    log_mel = SEDMapper(cfg, is_train=False).log_mel
    front_end = (log_mel.seconds_per_frame, log_mel.f_min, log_mel.f_max)
    drawn = tqdm(itertools.islice(clips, args.limit), unit="clip")
    for number, (file_name, image, shown) in enumerate(drawn):
        figure = draw_clip(image, *front_end, **shown, title=os.path.basename(file_name))
        save_figure(figure, Path(args.output_dir) / f"{number:03d}_{Path(file_name).stem}.png")
    print(f"pictures are in {os.path.abspath(args.output_dir)}")


if __name__ == "__main__":
    run_main(main, parse_args)
