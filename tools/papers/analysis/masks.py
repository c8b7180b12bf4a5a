"""What several systems make of one clip: their masks beside the true ones.

Shape shorthand: H mel bands, T frames, K classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from audiodet.data.loader import load_dataset_dicts
from audiodet.data.mapper import SEDMapper
from audiodet.data.mixing.mask_truth import binary_mask, mixture_mels, ratio_mask
from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError
from audiodet.evaluation.units import frame_truth


def clip_outputs(models: Sequence[tuple], number: int) -> tuple[dict, dict]:
    """The clip's dataset dict and {name: the model's output for it}."""
    _, cfg, _ = models[0]
    records = load_dataset_dicts(cfg.DATASETS.TEST[:1], cfg.DATASETS.LABELS)
    if not 0 <= number < len(records):
        raise ConfigError(f"clip {number} of {len(records)}, expected 0 to {len(records) - 1}")
    outputs = {}
    for name, own, model in models:
        with torch.inference_mode():
            (outputs[name],) = model([SEDMapper(own, is_train=False)(records[number])])
    return records[number], outputs


def mask_rows(cfg, record: dict, outputs: Mapping[str, dict]) -> dict[str, dict[str, np.ndarray]]:
    """{true label: {"binary mask", "ratio mask" and each system's name: (H, T)}}."""
    for name, output in outputs.items():
        if "masks" not in output:
            raise ConfigError(f"{name} has no masks, expected TFSegmentation with LEVEL 'bin'")
    log_mel, labels = LogMel.from_config(cfg), list(cfg.DATASETS.LABELS)
    parts = mixture_mels(record, log_mel)
    frames = parts.events.shape[1]
    active = frame_truth(record, frames, log_mel.seconds_per_frame, len(labels))
    rows = {}
    for k in sorted({a["category_id"] for a in record["annotations"]}):
        true = {"binary mask": binary_mask, "ratio mask": ratio_mask}
        row = {name: f(parts, log_mel.power) * active[:, k] for name, f in true.items()}
        rows[labels[k]] = row | {
            name: x["masks"][k].float().cpu().numpy() for name, x in outputs.items()
        }
    return rows
