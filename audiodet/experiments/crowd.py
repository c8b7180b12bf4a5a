"""R-CRNN's fold models that ship on clips of several events."""
from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.evaluation import load_clips, pool_scores, results, score_clips
from audiodet.experiments.runs import Options, Run, shipped_rcrnn, shipped_thresholds, train_all
from audiodet.experiments.tables import er_and_f1, interval, print_table

EVENTS = {"1": (1,), "2 or 3": (2, 3), "4 to 6": (4, 5, 6)}


def rare_crowd(options: Options) -> dict:
    """Print and return ER and F1 by how many events a clip holds, at the models' own thresholds.

    Any number of events may be found in a clip, and each clip is scored for all labels.
    """
    runs = [_run(options, fold) for fold in options.folds]
    train_all(runs, options.jobs, options.cache)
    report, rows = {}, []
    for name, counts in EVENTS.items():
        scores = pool_scores([_score(run, counts) for run in runs])
        figures = report[name] = results(scores, n_bootstrap=1000)
        errors = [f"{figures[f'ER-{label}']:.2f}" for label in RARE_LABELS]
        by_clip = interval(figures, "ER", "")
        rows.append([name, len(scores.clips), *er_and_f1(figures), by_clip, " / ".join(errors)])
    headers = ["events in a clip", "clips", "ER [by source]", "F1 %", "ER by clip", "ER cry / glass / shot"]
    print_table("R-CRNN that ships, clips of several events", rows, headers)
    return report


def _run(options: Options, fold: int) -> Run:
    opts = ["DATASETS.TEST", str([_dataset(fold)]), "TEST.BEST_EVENT_PER_CLIP", "False"]
    return Run(
        options.configs / "rcrnn" / "rare.yaml", options.root / f"rcrnn_crowd_fold{fold}", fold,
        [*opts, *options.opts], weights=str(shipped_rcrnn(fold)),
    )  # fmt: skip


def _dataset(fold: int) -> str:
    return f"rare_mini_crowd_fold{fold}_test"


def _score(run: Run, counts: tuple):
    """Scores of the clips of one fold that hold so many events."""
    clips = load_clips(run.folder / "inference" / _dataset(run.fold) / "clips.jsonl")
    some = [clip for clip in clips if len(clip.reference) in counts]
    return score_clips(some, RARE_LABELS, shipped_thresholds(run.weights))
