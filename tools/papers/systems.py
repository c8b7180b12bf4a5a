"""All five systems on one benchmark, weak-mini: each learns of the labels that it was made for.

One seed and about five minutes of one core each. Figures are the evaluators' own, on the same test clips.
"""

from audiodet.data.datasets.weak_mini import weak_mini_hash
from audiodet.engine.setup import load_config
from papers.runs import Options, Run, train_all, training_minutes
from papers.tables import cell, parameters, print_table, print_trainings, stored

TEST_SET = "weak_mini_test"
STRONG = [
    "DATASETS.TRAIN",
    "['weak_mini_strong']",
    "DATALOADER.WEAK_PER_BATCH",
    "0",
    "MODEL.TAGGER.LOSS",
    "frame",
]
# System -> (config, overrides). Iterations are those that take about as long.
SYSTEMS = {
    "R-CRNN": ("rcrnn", []),
    "AudioMask R18": ("audiomask", []),
    "CRNN": ("crnn", [*STRONG, "SOLVER.MAX_ITER", "720", "SOLVER.VAL_PERIOD", "720"]),
    "self-mask ResNet": ("self_mask", ["SOLVER.MAX_ITER", "310", "SOLVER.VAL_PERIOD", "310"]),
    "T-F segmentation (GWRP)": ("tfseg", []),
}
EVALUATORS = ["TEST.EVALUATORS", "['events', 'tags', 'frames']"]
# Column -> (file and task of an evaluator, metric, decimals).
FIGURES = {
    "event F1 %": ("metrics", "sed", "F1", 1),
    "event ER": ("metrics", "sed", "ER", 2),
    "frame F1 %": ("frames", "frames", "F1", 1),
    "frame mAP %": ("frames", "frames", "mAP", 1),
    "tag mAP %": ("tagging", "tagging", "mAP", 1),
}


def runs(options: Options) -> dict:
    """{system: its training}."""
    return {
        name: Run(
            options.configs / config / "weak_mini.yaml",
            options.root / f"systems_{config}",
            0,
            [*EVALUATORS, *opts, *options.opts],
        )
        for name, (config, opts) in SYSTEMS.items()
    }


def systems(options: Options) -> dict:
    """Events, frames and tags of every system, with its parameters and minutes."""
    rows = runs(options)
    train_all(list(rows.values()), options.jobs, options.cache)
    report, table = {"test set": weak_mini_hash(TEST_SET)}, []
    for name, run in rows.items():
        found = report[name] = _found(run)
        cells = [cell(found[task], metric, n) for _, task, metric, n in FIGURES.values()]
        size, minutes = f"{found['parameters']:,}", f"{found['minutes']:.1f}"
        steps = f"{found['iterations']:,}"
        table.append([name, found["labels"], size, steps, minutes, *cells])
    headers = ["system", "training clips", "parameters", "iterations", "train min", *FIGURES]
    print_table("All systems on weak-mini (one seed)", table, headers)
    print_trainings(rows.values(), by_clip=True)
    print(_thresholds(rows))
    print(f"test set: {report['test set']}")
    return report


def _found(run: Run) -> dict:
    cfg = load_config(str(run.config), run.opts)
    files = {task: file for file, task, _, _ in FIGURES.values()}
    return {
        "labels": " + ".join(name.rpartition("_")[2] for name in cfg.DATASETS.TRAIN),
        "iterations": cfg.SOLVER.MAX_ITER,
        "parameters": parameters(run),
        "minutes": training_minutes(run),
        **{task: stored(run, TEST_SET, file, task) for task, file in files.items()},
    }


def _thresholds(rows: dict) -> str:
    """What F1 and ER depend on, and mAP does not."""
    said = []
    for name, run in rows.items():
        test = load_config(str(run.config), run.opts).TEST
        said.append(f"{name} {test.THRESHOLDS[0]} and {test.FRAME_THRESHOLD}")
    return f"fixed thresholds of events and of frames: {', '.join(said)}; mAP needs none"
