"""What an exported file says of itself, as JSON: all that running and decoding it depends on."""

from dataclasses import asdict

import torch

from audiodet import __version__
from audiodet.data.spectrogram import LogMel
from audiodet.inference.loading import identity
from audiodet.modeling.frame_classifier import FrameClassifier

FORMAT = 1  # of the card; a reader refuses others


def card_of(model) -> dict:
    """The card of a model that :func:`audiodet.export.graphs.graph_of` takes.

    Raises:
        ConfigError: a hook that cannot be exported.
    """
    cfg = model.cfg
    front_end = LogMel.from_config(cfg)
    inverse = {}
    if model.has_masks:  # separation goes back from frames to samples
        inverse = {"centre": front_end.centre, "window": front_end.window.tolist()}
    return {
        "format": FORMAT,
        "versions": {"audiodet": __version__, "torch": torch.__version__},
        "labels": list(cfg.DATASETS.LABELS),
        "identity": identity(model) | ({"precision": "float32"} if rounds(model) else {}),
        "rounded": rounds(model),
        "front_end": {
            "sample_rate": front_end.sample_rate,
            "n_fft": front_end.n_fft,
            "hop": front_end.hop,
            "n_mels": front_end.n_mels,
            "f_min": front_end.f_min,
            "f_max": front_end.f_max,
            **inverse,
        },
        "time_stride": model.time_stride,
        "has_masks": model.has_masks,
        "settings": {
            "DATASETS": {"LABELS": list(cfg.DATASETS.LABELS)},
            "INPUT": {"AUDIO": {"SAMPLE_RATE": cfg.INPUT.AUDIO.SAMPLE_RATE}},
            "MODEL": {"META_ARCHITECTURE": cfg.MODEL.META_ARCHITECTURE, "DEVICE": "cpu"},
            "TEST": _plain(cfg.TEST),
        },
        "decoding": {**_decoding(model), "hooks": [x.numbers() for x in model.postprocessors]},
    }


def rounds(model) -> bool:
    """Whether torch may compute a part of it in bfloat16, which an exported one never does."""
    return any(getattr(part, "precision", "float32") != "float32" for part in model.modules())


def _plain(node):
    """A configuration as dicts, lists and numbers."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_plain(value) for value in node]
    return node


def _decoding(model) -> dict:
    if not isinstance(model, FrameClassifier):
        predictor = model.roi_heads.box_predictor
        return {
            "lowest": predictor.test_score_thresh,
            "iou": predictor.test_nms_thresh,
            "most": predictor.test_topk_per_image,
        }
    decoding = {
        "stride": model.stride,
        "offset": model.offset,
        "low": model.low,
        "median_steps": model.median_steps,
        "rules": asdict(model.rules),
        "grow": model.shrink,
    }
    if model.has_masks:
        decoding["band_edges"] = model.band_edges.tolist()
    return decoding
