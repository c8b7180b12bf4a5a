"""Controls without learning on rare-mini."""

from detectron2.data import DatasetCatalog
from tqdm import tqdm

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.data.mapper import SEDMapper
from audiodet.engine.setup import load_config
from audiodet.evaluation import pool_scores, score_clips
from audiodet.evaluation.clips import reference_clips
from papers.runs import CONDITIONS, Options, across_folds, tune


def control(options: Options, events) -> dict:
    """{condition: pooled scores} of a control, with thresholds as of a trained system's folds.

    That is across folds where there are several (:func:`~papers.runs.across_folds`),
    from validation clips for one. ``events`` is a function of :mod:`papers.onset_baselines`.
    """
    cfg = load_config(str(options.configs / "rcrnn" / "rare.yaml"), [*options.opts, *options.cache])
    mapper = SEDMapper(cfg, is_train=False)
    tests, thresholds = {}, {}
    for fold in tqdm(options.folds, unit="fold", desc=events.__name__):
        names = {c: f"rare_mini_{c}_fold{fold}" for c in CONDITIONS}
        tests[fold] = {c: _control_clips(f"{names[c]}_test", mapper, events) for c in CONDITIONS}
        if len(options.folds) == 1:
            val = [_control_clips(f"{names[c]}_val", mapper, events) for c in CONDITIONS]
            thresholds[fold] = tune(sum(val, []))
    thresholds |= across_folds({fold: sum(clips.values(), []) for fold, clips in tests.items()})
    return {
        c: pool_scores(
            [
                score_clips(own[c], RARE_LABELS, thresholds[fold], True)
                for fold, own in tests.items()
            ]
        )
        for c in CONDITIONS
    }


def _control_clips(name: str, mapper: SEDMapper, events):
    truth = reference_clips(name, RARE_LABELS)
    for record in DatasetCatalog.get(name):
        log_mel, hop = mapper.spectrogram(record), mapper.log_mel.seconds_per_frame
        truth[record["image_id"]].candidates = events(log_mel, hop, RARE_LABELS)
    return list(truth.values())
