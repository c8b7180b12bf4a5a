"""Which of a model's candidates are reported: thresholds and shortest lengths, and their file."""

import json
from pathlib import Path

from audiodet.errors import ConfigError
from audiodet.events import thresholds_by_label
from audiodet.files import write_text

TUNED = "thresholds.json"  # what a training with TEST.TUNE_THRESHOLDS leaves beside its checkpoints


def final_decisions(cfg, weights: str) -> tuple[dict[str, float], dict[str, float]]:
    """Thresholds and shortest lengths of a checkpoint, by label in the configuration's order.

    They stand in ``thresholds.json`` beside the file ``weights``: what `audiodet tune` wrote there
    (an object with "thresholds" and "min_lengths") always counts; what a training left (a number
    for each label) counts with TEST.TUNE_THRESHOLDS. Else they are TEST.THRESHOLDS and
    TEST.MIN_LENGTHS.

    Raises:
        ConfigError: a damaged ``thresholds.json``, or one of other labels.
    """
    labels = cfg.DATASETS.LABELS
    path = Path(weights).with_name(TUNED)
    thresholds = thresholds_by_label(cfg.TEST.THRESHOLDS, labels)
    min_lengths = thresholds_by_label(cfg.TEST.MIN_LENGTHS, labels, "TEST.MIN_LENGTHS")
    if not path.is_file():
        return thresholds, min_lengths
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("thresholds"), dict):
            thresholds = thresholds_by_label(content["thresholds"], labels)
            min_lengths = thresholds_by_label(dict(content.get("min_lengths")), labels)
        elif cfg.TEST.TUNE_THRESHOLDS:
            thresholds = thresholds_by_label(dict(content), labels)
    except (ValueError, TypeError) as error:  # ConfigError, JSONDecodeError, UnicodeDecodeError
        raise ConfigError(
            f"{path}: {error}; expected an object with a number for each of {list(labels)}"
        ) from error
    return thresholds, min_lengths


def write_decisions(folder, decisions: dict) -> Path:
    """Leave "thresholds", "min_lengths" and how they were chosen for :func:`final_decisions`.

    Raises:
        AudiodetError: the folder cannot be written.
    """
    path = Path(folder) / TUNED
    write_text(path, json.dumps(decisions, indent=1, ensure_ascii=False) + "\n")
    return path
