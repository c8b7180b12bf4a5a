#!/usr/bin/env python
"""Look into a trained frame-level system; each subcommand draws a figure.

Examples:
    tools/analyze.py pitch-shift --model CRNN=configs/crnn/poly_mini.yaml:model_final.pth --out fig5.png
    tools/analyze.py filters --model CRNN=configs/crnn/poly_mini.yaml:model_final.pth --out fig7.png
    tools/analyze.py roll --model CRNN=configs/crnn/poly_mini.yaml:model_final.pth --out fig3.png
    tools/analyze.py masks --model GWRP=configs/tfseg/remix_mini.yaml:model_final.pth --out fig7.png
    tools/analyze.py frame-scores --model GWRP=configs/tfseg/remix_mini.yaml:m.pth --out fig8.png
    tools/analyze.py streams --model M=configs/self_mask/weak_mini.yaml:model_final.pth --out s.png
"""

import argparse
import json
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable
from tqdm import tqdm

from papers.analysis.figures import (
    draw_curves,
    draw_frame_scores,
    draw_masks,
    draw_patterns,
    draw_roll,
)
from papers.analysis.masks import clip_outputs, mask_rows
from papers.analysis.patterns import exciting_pattern
from papers.analysis.pitch_shift import pitch_shift_curve
from papers.analysis.streams import draw_streams, stream_arrays
from audiodet.data.datasets import setup_datasets
from audiodet.data.loader import load_dataset_dicts
from audiodet.data.mapper import SEDMapper
from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import AudiodetError, ConfigError
from audiodet.files import write_text
from audiodet.modeling.backbones.crnn import FrameStack
from audiodet.modeling.self_mask import SelfMaskNet
from audiodet.visualization import save_figure
from audiodet.visualization.sources import detected, true_events


def parse_args():
    """The command line."""
    summary, _, examples = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "pitch-shift": "F1 of test clips whose pitch is shifted, a line for each model",
        "filters": "input that excites feature maps, by gradient ascent",
        "roll": "annotation against predictions over one clip",
        "masks": "masks of one clip beside the true ones",
        "frame-scores": "frame scores of one clip, a panel for each model",
        "streams": "the five streams of the self-mask network and its mask, over one clip",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--model",
            action="append",
            required=True,
            metavar="NAME=CONFIG:WEIGHTS",
            help="a trained model; pitch-shift, masks and frame-scores take several",
        )
        command.add_argument("--out", required=True, metavar="FILE", help="the figure")
        command.add_argument("--opts", nargs="*", default=[], help="KEY VALUE pairs of the config")
    shift = commands.choices["pitch-shift"]
    shift.add_argument("--semitones", type=float, nargs="+", default=[-8, -4, -2, 0, 2, 4, 8])
    shift.add_argument("--limit", type=int, default=50, help="test clips; 0 for all (50)")
    commands.choices["filters"].add_argument("--layer", type=int, default=1, help="from 0 (1)")
    commands.choices["filters"].add_argument("--maps", type=int, default=16, help="how many (16)")
    for name in ("roll", "masks", "frame-scores", "streams"):
        commands.choices[name].add_argument("--clip", type=int, default=0, help="its number (0)")
    return parser.parse_args()


def load(spec: str, opts):
    """(name, config, model) of NAME=CONFIG:WEIGHTS."""
    name, _, paths = spec.partition("=")
    config_file, _, weights = paths.rpartition(":")
    if not (name and config_file and weights):
        raise ConfigError(f"--model {spec!r}, expected NAME=CONFIG:WEIGHTS")
    cfg = load_config(config_file, [*opts, "MODEL.WEIGHTS", weights])
    setup_datasets(cfg)
    model = Trainer.build_model(cfg).eval()
    SEDCheckpointer(model, cfg=cfg).load(weights)
    return name, cfg, model


def pitch_shift(args):
    """Figure 5, and its figures as JSON beside it."""
    curves, figures = {}, {}
    for spec in args.model:
        name, cfg, model = load(spec, args.opts)
        found = pitch_shift_curve(
            cfg, model, cfg.DATASETS.TEST[0], args.semitones, limit=args.limit
        )
        curves[name] = [(shift, scores["F1"]) for shift, scores in found.items()]
        figures[name] = found
        print(f"{name}: " + ", ".join(f"{x:+g}: {y:.1f} %" for x, y in sorted(curves[name])))
    write_text(Path(args.out).with_suffix(".json"), json.dumps(figures, indent=1) + "\n")
    return draw_curves(curves, "pitch shift (semitones)", "frame F1 (%)")


def filters(args):
    """Figure 7."""
    name, _, model = load(args.model[0], args.opts)
    network = model.backbone_for("filters")
    if not (isinstance(network, FrameStack) and len(network.convolutions)):
        raise ConfigError(f"{name} has no convolutions")
    maps = range(min(args.maps, network.convolutions[0].convolution.out_channels))
    patterns = {
        f"map {k}": exciting_pattern(network, args.layer, k) for k in tqdm(maps, unit="map")
    }
    return draw_patterns(patterns, f"{name}, convolution {args.layer}: input that excites its maps")


def roll(args):
    """Figures 3 and 6."""
    name, cfg, _ = load(args.model[0], args.opts)
    dataset, labels = cfg.DATASETS.TEST[0], list(cfg.DATASETS.LABELS)
    record = load_dataset_dicts([dataset], labels)[args.clip]
    for number, (file_name, _, shown) in enumerate(detected(cfg, dataset)):
        if number == args.clip:
            break
    title = f"{name}, {file_name}"
    return draw_roll(true_events(cfg, record), shown["detections"], labels, record["width"], title)


def masks(args):
    """Figure 7 of Kong et al."""
    models = [load(spec, args.opts) for spec in args.model]
    record, outputs = clip_outputs(models, args.clip)
    rows = mask_rows(models[0][1], record, outputs)
    cfg = models[0][1]
    seconds = cfg.INPUT.SPECTROGRAM.HOP / cfg.INPUT.AUDIO.SAMPLE_RATE
    return draw_masks(rows, seconds, record["file_name"])


def frame_scores(args):
    """Figure 8 of Kong et al."""
    models = [load(spec, args.opts) for spec in args.model]
    record, outputs = clip_outputs(models, args.clip)
    truth, labels = true_events(models[0][1], record), list(models[0][1].DATASETS.LABELS)
    shown = sorted({event.label for event in truth})
    systems = {}
    for name, output in outputs.items():
        if "frame_scores" not in output:
            raise ConfigError(f"{name} has no frame scores")
        seconds, scores = output["frame_seconds"].numpy(), output["frame_scores"].numpy()
        systems[name] = {label: (seconds, scores[:, labels.index(label)]) for label in shown}
    return draw_frame_scores(systems, truth, record["width"], record["file_name"])


def streams(args):
    """f^s, f^c, f^e, f^p, f^r and the mask M^R of a test clip."""
    name, cfg, model = load(args.model[0], args.opts)
    if not isinstance(model, SelfMaskNet):
        raise ConfigError(f"{name} is a {cfg.MODEL.META_ARCHITECTURE}, expected a SelfMaskNet")
    labels = list(cfg.DATASETS.LABELS)
    record = load_dataset_dicts([cfg.DATASETS.TEST[0]], labels)[args.clip]
    clip = SEDMapper(cfg, is_train=False)(record)
    truth = true_events(cfg, record)
    return draw_streams(
        clip, stream_arrays(model, clip), labels, truth, f"{name}, {record['file_name']}"
    )


def main(args) -> None:
    """Draw the figure and say where it is."""
    draw = {"pitch-shift": pitch_shift, "filters": filters, "roll": roll, "streams": streams}
    draw |= {"masks": masks, "frame-scores": frame_scores}
    figure = draw[args.command](args)
    save_figure(figure, args.out)
    print(args.out)


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
