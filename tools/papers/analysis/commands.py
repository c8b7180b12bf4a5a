"""The figures of tools/analyze.py: each function draws one from its command line."""

import json
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from audiodet.data.datasets import setup_datasets
from audiodet.data.loader import load_dataset_dicts
from audiodet.data.mapper import SEDMapper
from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError
from audiodet.files import write_text
from audiodet.modeling.self_mask import SelfMaskNet
from clip_sources import detected, true_events
from papers.analysis.figures import (
    draw_curves,
    draw_frame_scores,
    draw_masks,
    draw_patterns,
    draw_roll,
)
from papers.analysis.masks import clip_outputs, mask_rows
from papers.analysis.patterns import exciting_pattern, frame_stack
from papers.analysis.pitch_shift import pitch_shift_curve
from papers.analysis.streams import draw_streams, stream_arrays


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


def test_clip(cfg, number: int) -> dict:
    """The dataset dict of a clip of the first test set."""
    return load_dataset_dicts([cfg.DATASETS.TEST[0]], list(cfg.DATASETS.LABELS))[number]


def pitch_shift(args):
    """Çakır et al. 2017, Fig. 5, and its figures as JSON beside it."""
    curves = {}
    figures = {}
    for spec in args.model:
        name, cfg, model = load(spec, args.opts)
        dataset = cfg.DATASETS.TEST[0]
        figures[name] = pitch_shift_curve(cfg, model, dataset, args.semitones, limit=args.limit)
        curves[name] = [(shift, scores["F1"]) for shift, scores in figures[name].items()]
        print(f"{name}: " + ", ".join(f"{x:+g}: {y:.1f} %" for x, y in sorted(curves[name])))
    write_text(Path(args.out).with_suffix(".json"), json.dumps(figures, indent=1) + "\n")
    return draw_curves(curves, "pitch shift (semitones)", "frame F1 (%)")


def filters(args):
    """Çakır et al. 2017, Fig. 7."""
    name, _, model = load(args.model[0], args.opts)
    network = frame_stack(model)
    count = network.convolutions[0].convolution.out_channels
    patterns = {}
    for number in tqdm(range(min(args.maps, count)), unit="map"):
        patterns[f"map {number}"] = exciting_pattern(network, args.layer, number)
    return draw_patterns(patterns, f"{name}, convolution {args.layer}: input that excites its maps")


def roll(args):
    """Çakır et al. 2017, Fig. 3."""
    name, cfg, _ = load(args.model[0], args.opts)
    record = test_clip(cfg, args.clip)
    clips = detected(cfg, cfg.DATASETS.TEST[0])
    file_name, _, shown = next(islice(clips, args.clip, None))
    truth = true_events(cfg, record)
    labels = list(cfg.DATASETS.LABELS)
    title = f"{name}, {file_name}"
    return draw_roll(truth, shown["detections"], labels, record["width"], title)


def masks(args):
    """Kong et al. 2019, Fig. 7."""
    models = [load(spec, args.opts) for spec in args.model]
    cfg = models[0][1]
    record, outputs = clip_outputs(models, args.clip)
    seconds = cfg.INPUT.SPECTROGRAM.HOP / cfg.INPUT.AUDIO.SAMPLE_RATE
    return draw_masks(mask_rows(cfg, record, outputs), seconds, record["file_name"])


def frame_scores(args):
    """Kong et al. 2019, Fig. 8; Çakır et al. 2017, Fig. 6."""
    models = [load(spec, args.opts) for spec in args.model]
    cfg = models[0][1]
    record, outputs = clip_outputs(models, args.clip)
    truth = true_events(cfg, record)
    labels = list(cfg.DATASETS.LABELS)
    shown = sorted({event.label for event in truth})
    systems = {}
    for name, output in outputs.items():
        if "frame_scores" not in output:
            raise ConfigError(f"{name} has no frame scores")
        seconds = output["frame_seconds"].numpy()
        scores = output["frame_scores"].numpy()
        systems[name] = {label: (seconds, scores[:, labels.index(label)]) for label in shown}
    return draw_frame_scores(systems, truth, record["width"], record["file_name"])


def streams(args):
    """f^s, f^c, f^e, f^p, f^r and the mask M^R of a test clip."""
    name, cfg, model = load(args.model[0], args.opts)
    if not isinstance(model, SelfMaskNet):
        raise ConfigError(f"{name} is a {cfg.MODEL.META_ARCHITECTURE}, expected a SelfMaskNet")
    record = test_clip(cfg, args.clip)
    clip = SEDMapper(cfg, is_train=False)(record)
    truth = true_events(cfg, record)
    labels = list(cfg.DATASETS.LABELS)
    title = f"{name}, {record['file_name']}"
    return draw_streams(clip, stream_arrays(model, clip), labels, truth, title)


COMMANDS = {
    "pitch-shift": (pitch_shift, "F1 of test clips whose pitch is shifted, a line for each model"),
    "filters": (filters, "input that excites feature maps, by gradient ascent"),
    "roll": (roll, "annotation against predictions over one clip"),
    "masks": (masks, "masks of one clip beside the true ones"),
    "frame-scores": (frame_scores, "frame scores of one clip, a panel for each model"),
    "streams": (streams, "the five streams of the self-mask network and its mask, over one clip"),
}
