"""Clips to look at: as annotated, as training sees them, or as a model hears them.

A source is called with a configuration and the name of a dataset, and yields
(file name, (bands, frames) log-mel, keyword arguments of :func:`draw_clip`).
"""

import itertools

import torch

from audiodet.data.loader import build_test_loader, build_train_loader, load_dataset_dicts
from audiodet.data.mapper import SEDMapper
from audiodet.errors import ConfigError
from audiodet.events import Event, decide, thresholds_by_label
from audiodet.inference.loading import load_configured
from audiodet.modeling.instances import events_from_instances, inside
from audiodet.modeling.model import label_kinds
from audiodet.visualization import training


def annotated(cfg, name: str):
    """Whole clips with their true events."""
    mapper = SEDMapper(cfg, is_train=False)
    for clip in load_dataset_dicts([name], cfg.DATASETS.LABELS):
        yield clip["file_name"], mapper.spectrogram(clip), {"truth": true_events(cfg, clip)}


def loaded(cfg, name: str):
    """Endless clips after shuffling, crop and augmentation; boxes are brought back to seconds."""
    cfg = cfg.clone()
    cfg.merge_from_list(["DATASETS.TRAIN", (name,), "DATALOADER.NUM_WORKERS", 0])
    cfg.merge_from_list(["DATALOADER.WEAK_PER_BATCH", 0])  # one dataset is of one kind
    for clip in itertools.chain.from_iterable(build_train_loader(cfg, kinds=label_kinds(cfg))):
        truth = {"truth": training.mapped_events(clip, cfg.DATASETS.LABELS)}
        yield clip["file_name"], clip["image"][0].numpy(), truth


def detected(cfg, name: str, proposals: bool = False):
    """Whole clips with true events and what the model of MODEL.WEIGHTS reports."""
    if not cfg.MODEL.WEIGHTS:
        raise ConfigError("MODEL.WEIGHTS is empty, expected the checkpoint to look at")
    model = load_configured(cfg)
    if proposals and not model.has_proposals:
        raise ConfigError(f"{cfg.MODEL.META_ARCHITECTURE} has no region proposals to draw")
    labels = cfg.DATASETS.LABELS
    thresholds = thresholds_by_label(model.cfg.TEST.THRESHOLDS, labels)
    records = {clip["image_id"]: clip for clip in load_dataset_dicts([name], labels)}
    for clip in itertools.chain.from_iterable(build_test_loader(cfg, name)):
        with torch.no_grad():
            output = model([clip])[0]
            shown = {"proposals": region_proposals(model, clip)} if proposals else {}
        events = events_from_instances(output["instances"], labels, clip["duration"])
        shown["detections"] = decide(events, thresholds, cfg.TEST.BEST_EVENT_PER_CLIP)
        shown["truth"] = true_events(cfg, records[clip["image_id"]])
        if "frame_scores" in output:
            times = output["frame_seconds"]
            shown["curves"] = score_curves(times, output["frame_scores"], labels)
        if output["instances"].has("detector_scores"):
            shown.update(fusion_parts(model, output["instances"], labels, clip))
        yield clip["file_name"], clip["image"][0].numpy(), shown


def true_events(cfg, clip: dict) -> list[Event]:
    """Events of a dataset dict, in seconds."""
    labels = cfg.DATASETS.LABELS
    boxes = [(a["bbox"], labels[a["category_id"]]) for a in clip.get("annotations", ())]
    return [Event(box[0], box[2], label) for box, label in boxes]


def region_proposals(model, clip: dict) -> list[tuple[float, float, float]]:
    """(onset, offset, objectness) of the RPN's proposals for one mapped clip, in seconds."""
    (regions,) = model.propose([clip])
    seconds = training.boxes_in_seconds(regions.proposal_boxes, clip)
    return torch.column_stack([seconds, regions.objectness_logits.sigmoid()]).tolist()


def fusion_parts(model, instances, labels, clip: dict) -> dict:
    """What a fusion saw: the ten best regions with D and beta, and the verifier's curves."""
    best = inside(instances, clip["duration"])[:10]
    events = events_from_instances(best, labels, clip["duration"])
    verifier = model.verifiers[0]
    with torch.no_grad():
        scores = verifier.step_scores([clip])[0]
    known = list(verifier.cfg.DATASETS.LABELS)
    curves = score_curves(verifier.step_seconds(len(scores), clip), scores, known)
    return {
        "regions": list(zip(events, best.detector_scores.tolist())),
        "curves": {label: curves[label] for label in labels},
    }


def score_curves(seconds: torch.Tensor, scores: torch.Tensor, labels) -> dict:
    """(S,) centres of time steps and their (S, K) scores -> curves for :func:`draw_clip`."""
    times = seconds.numpy()
    return {label: (times, scores[:, k].float().cpu().numpy()) for k, label in enumerate(labels)}
