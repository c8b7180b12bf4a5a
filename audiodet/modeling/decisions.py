"""How frame scores become events: the settings of MODEL.TAGGER, for all labels or for each."""

from audiodet.errors import ConfigError
from audiodet.modeling.frame_events import RunRules

# Keys that hold a number for each label, and those that they stand for when they are empty.
BY_LABEL = {
    "LOW_THRESHOLDS": "LOW_THRESHOLD",
    "MEDIANS": "MEDIAN_SECONDS",
    "JOIN_GAPS": "JOIN_GAP",
    "DROP_LENGTHS": "DROP_LENGTH",
}


def decision_settings(cfg) -> dict:
    """Arguments of :class:`FrameClassifier` that say how its scores become events.

    Raises:
        ConfigError: a key for each label has too many numbers, or too few.
    """
    tagger = cfg.MODEL.TAGGER
    rate = cfg.INPUT.AUDIO.SAMPLE_RATE / cfg.INPUT.SPECTROGRAM.HOP
    values = {}
    for key, common in BY_LABEL.items():
        values[common] = tuple(tagger[key]) or tagger[common]
        if tagger[key] and len(tagger[key]) != len(cfg.DATASETS.LABELS):
            raise ConfigError(
                f"MODEL.TAGGER.{key} has {len(tagger[key])} numbers, expected 0 or "
                f"{len(cfg.DATASETS.LABELS)}, one for each of {list(cfg.DATASETS.LABELS)}"
            )
    medians = values["MEDIAN_SECONDS"]
    medians = tuple(x * rate for x in medians) if isinstance(medians, tuple) else medians * rate
    # A lower threshold of its own decides what is joined, too.
    high = (0.0,) if tagger.LOW_THRESHOLDS else tuple(cfg.TEST.THRESHOLDS)
    rules = (values["JOIN_GAP"], values["DROP_LENGTH"], high)
    return {
        "low": values["LOW_THRESHOLD"],
        "median_frames": medians,
        "rules": RunRules(*rules, tagger.PEAK_FRACTION, tuple(tagger.PEAK_DIP)),
    }
