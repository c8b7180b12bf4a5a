"""What a model detects in the validation sets, and the thresholds that are tuned on it."""

import json
import os

import torch
import yaml
from detectron2.evaluation import inference_on_dataset, verify_results
from detectron2.utils import comm

from audiodet.data.loader import build_test_loader, dataset_view
from audiodet.errors import ConfigError
from audiodet.evaluation import SEDEvaluator
from audiodet.evaluation.clips import ClipResult, reference_clips, save_clips
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.frame_rules import ScoredClip, as_settings, tune_rules
from audiodet.evaluation.thresholds import tune_thresholds
from audiodet.files import write_text
from audiodet.modeling.frame_events import step_edges


def validation_clips(cfg, model) -> list[ClipResult]:
    """What the model detects in ``DATASETS.VAL``; empty on all but the main process."""
    quick = cfg.clone()
    quick.merge_from_list(["TEST.BOOTSTRAP", 0, "TEST.MICRO_SECONDS", ()])
    clips = []
    for name in cfg.DATASETS.VAL:
        evaluator = SEDEvaluator(dataset_view(name, cfg.DATASETS.LABELS), quick)
        inference_on_dataset(model, build_test_loader(cfg, name), evaluator)
        clips += evaluator.clips
    return clips


@torch.no_grad()
def scored_clips(cfg, model) -> list[ScoredClip]:
    """What a frame-level model's scores are in ``DATASETS.VAL``, before any decision."""
    clips = []
    for name in cfg.DATASETS.VAL:
        truth = reference_clips(dataset_view(name, cfg.DATASETS.LABELS), cfg.DATASETS.LABELS)
        for batch in build_test_loader(cfg, name):
            for clip, maps in zip(batch, model.class_maps(batch)):
                scores, gates = model.deciding.undecided(*maps)
                frames = clip["image"].shape[-1]
                grid = (model.deciding.stride, model.deciding.offset)
                edges = step_edges(len(scores), *grid, frames)
                edges = edges.numpy() * (clip["width"] / frames)
                reference = truth[clip["image_id"]]
                clips.append(
                    ScoredClip(
                        scores.float().cpu().numpy(),
                        None if gates is None else gates.float().cpu().numpy(),
                        edges.clip(max=reference.duration),
                        reference.reference,
                    )
                )
    return clips


def tune_decisions(cfg, model):
    """Choose how a frame-level model's scores become events, for TEST.TUNE_METRIC.

    The model decides so from now on. Writes OUTPUT_DIR/decisions.yaml.

    Returns:
        the configuration with what was chosen.

    Raises:
        ConfigError: the model is not frame-level, or there are several processes.
    """
    if comm.get_world_size() > 1:
        raise ConfigError("TEST.TUNE_RULES is True in several processes, expected one")
    if model.deciding is None:
        raise ConfigError(
            f"TEST.TUNE_RULES is True with a {type(model).__name__}, expected a frame-level system"
        )
    was_training = model.training
    clips = scored_clips(cfg, model.eval())
    model.train(was_training)
    deciding = model.deciding
    labels = cfg.DATASETS.LABELS
    metric = cfg.TEST.TUNE_METRIC
    rules = tune_rules(clips, labels, metric, Matching.from_config(cfg), deciding.shrink)
    hop = deciding.stride * cfg.INPUT.SPECTROGRAM.HOP / cfg.INPUT.AUDIO.SAMPLE_RATE
    settings = as_settings(rules, hop, clips[0].gates is not None)
    cfg = cfg.clone()
    cfg.defrost()
    for key, values in settings.items():
        cfg.merge_from_list([key, values])
    cfg.freeze()
    deciding.decide_by(cfg)
    path = os.path.join(cfg.OUTPUT_DIR, "decisions.yaml")
    write_text(path, nested_yaml(settings))
    return cfg


def nested_yaml(settings: dict) -> str:
    """{"SECTION.KEY": value} as a configuration file."""
    root = {}
    for key, value in settings.items():
        *sections, name = key.split(".")
        node = root
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = value
    return yaml.safe_dump(root, default_flow_style=None)


def tune(cfg, model) -> dict[str, float]:
    """The final threshold of each label with the lowest ER on ``DATASETS.VAL``.

    Writes OUTPUT_DIR/thresholds.json and OUTPUT_DIR/inference/validation.jsonl.
    """
    clips = validation_clips(cfg, model)
    thresholds = tune_thresholds(
        clips,
        cfg.DATASETS.LABELS,
        cfg.TEST.BEST_EVENT_PER_CLIP,
        Matching.from_config(cfg),
        smoothing=cfg.TEST.TUNE_SMOOTHING,
        common=cfg.TEST.TUNE_COMMON,
    )
    thresholds = comm.all_gather(thresholds)[0]  # the main process has the clips
    if comm.is_main_process():
        save_clips(clips, os.path.join(cfg.OUTPUT_DIR, "inference", "validation.jsonl"))
        write_text(os.path.join(cfg.OUTPUT_DIR, "thresholds.json"), json.dumps(thresholds))
    return thresholds


def verify(cfg, results: dict) -> None:
    """Exit with 1 where results are not TEST.EXPECTED_RESULTS, as detectron2's trainer does."""
    if cfg.TEST.EXPECTED_RESULTS and comm.is_main_process():
        verify_results(cfg, results)
