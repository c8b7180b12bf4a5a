"""Controls without learning on rare-mini."""
from detectron2.data import DatasetCatalog
from tqdm import tqdm

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.data.mapper import SEDMapper
from audiodet.engine.setup import load_config
from audiodet.evaluation import pool_scores, score_clips
from audiodet.evaluation.clips import reference_clips
from audiodet.experiments.runs import CONDITIONS, Options, tune


def control(options: Options, events) -> dict:
    """{condition: pooled scores} of a control, with thresholds tuned on validation clips.

    ``events`` is a function of :mod:`audiodet.evaluation.controls`.
    """
    cfg = load_config(str(options.configs / "rcrnn" / "rare.yaml"), [*options.opts, *options.cache])
    mapper = SEDMapper(cfg, is_train=False)
    pooled = {condition: [] for condition in CONDITIONS}
    for fold in tqdm(options.folds, unit="fold", desc=events.__name__):
        found = {
            (condition, split): _control_clips(f"rare_mini_{condition}_fold{fold}_{split}", mapper, events)
            for condition in CONDITIONS
            for split in ("val", "test")
        }
        thresholds = tune([clip for c in CONDITIONS for clip in found[c, "val"]])
        for condition in CONDITIONS:
            clips = found[condition, "test"]
            pooled[condition].append(score_clips(clips, RARE_LABELS, thresholds, True))
    return {condition: pool_scores(folds) for condition, folds in pooled.items()}


def _control_clips(name: str, mapper: SEDMapper, events):
    truth = reference_clips(name, RARE_LABELS)
    for record in DatasetCatalog.get(name):
        log_mel, hop = mapper.spectrogram(record), mapper.log_mel.seconds_per_frame
        truth[record["image_id"]].candidates = events(log_mel, hop, RARE_LABELS)
    return list(truth.values())
