"""Çakır et al.'s Tables II and III on poly-mini: GMM, FNN, RNN, CNN and CRNN."""

import numpy as np
from detectron2.data import DatasetCatalog
from tqdm import tqdm

from audiodet.data.datasets.poly_mini import POLY_LABELS, poly_mini_hash
from audiodet.data.mapper import SEDMapper
from audiodet.engine.setup import load_config
from audiodet.evaluation import load_clips
from audiodet.evaluation.clips import reference_clips
from papers.gmm import GMMBaseline, cepstra
from audiodet.evaluation import label_results, micro_difference, micro_results, score_micro
from papers.runs import Options, Run, train_all, training_minutes
from papers.tables import cell, print_table, print_trainings, signed, verdict
from audiodet.modeling.frame_events import events_from_scores, step_targets
from audiodet.modeling.instances import events_from_instances

# System -> (config, seeds). The main row has several.
SYSTEMS = {
    "FNN": ("crnn/poly_mini_fnn", (42,)),
    "RNN": ("crnn/poly_mini_rnn", (42,)),
    "CNN": ("crnn/poly_mini_cnn", (42,)),
    "CRNN": ("crnn/poly_mini", (42, 43, 44)),
}
# Seconds. The paper's frames are 40 ms long and 20 ms apart.
SEGMENTS = {"frame": 0.02, "40 ms": 0.04, "1 s": 1.0}
HEADERS = [f"{segment} {x}" for segment in SEGMENTS for x in ("F1 %", "ER")]
# Frame-based F1 in percent and ER on TUT-SED Synthetic 2016; "?": not checked against the paper.
PAPER = {"CRNN": "66.4? / 0.48?"}
# The paper's order, CRNN > CNN > RNN, FNN > GMM, pair by pair.
CLAIMS = (
    ("CRNN", "CNN"),
    ("CRNN", "RNN"),
    ("CRNN", "FNN"),
    ("CRNN", "GMM"),
    ("CNN", "RNN"),
    ("CNN", "FNN"),
    ("RNN", "GMM"),
    ("FNN", "GMM"),
)
GMM_CLIPS, GMM_EVERY = 400, 4  # training clips and every which frame of them
GMM_GRID = np.linspace(0.3, 0.9, 25)  # thresholds that validation chooses from


def runs(options: Options) -> dict:
    """{system: trainings}, one for each of its seeds."""
    return {
        name: [_run(options, config, name, seed) for seed in seeds]
        for name, (config, seeds) in SYSTEMS.items()
    }


def _run(options: Options, config: str, name: str, seed: int) -> Run:
    folder = options.root / f"poly_{name.lower()}_seed{seed}"
    return Run(options.configs / f"{config}.yaml", folder, seed, ["SEED", str(seed), *options.opts])


def clips_of_systems(options: Options) -> dict:
    """{system: scored test clips of each training}, GMM first."""
    systems = runs(options)
    train_all([run for trained in systems.values() for run in trained], options.jobs, options.cache)
    found = {"GMM": [gmm_clips(options)]}
    for name, trained in systems.items():
        found[name] = [test_clips(run) for run in trained]
    return found


def test_clips(run: Run) -> list:
    """Every test clip of a training with its events."""
    return load_clips(run.folder / "inference" / "poly_mini_test" / "clips.jsonl")


def table2(options: Options) -> dict:
    """F1 and ER of every system, and whether the paper's order of systems holds."""
    systems, trained = clips_of_systems(options), runs(options)
    report, table, scores = {"test set": poly_mini_hash("poly_mini_test")}, [], {}
    for name, trainings in systems.items():
        line = [f"{name} ({len(trainings)} seeds)" if len(trainings) > 1 else name]
        for segment, seconds in SEGMENTS.items():
            scores[name, segment] = [score(clips, seconds) for clips in trainings]
            figures = [micro_results(s, n_bootstrap=1000) for s in scores[name, segment]]
            report[f"{name}, {segment}"] = figures
            line += [_cell(figures, "F1", 1), _cell(figures, "ER", 2)]
        minutes = [training_minutes(run) for run in trained.get(name, ())]
        line.append(f"{np.mean(minutes):.1f}" if minutes else "")
        table.append([*line, PAPER.get(name, "")])
    headers = ["system", *HEADERS, "train min", "paper, frame F1 % / ER"]
    print_table("CRNN, Table II on poly-mini", table, headers)
    print_trainings([run for group in trained.values() for run in group], by_clip=True)
    report.update(claims(scores))
    print(f"test set: {report['test set']}")
    return report


def claims(scores: dict) -> dict:
    """Print and return what the clips say of each pair of CLAIMS, for these seeds.

    Args:
        scores: {(system, segment): scores of its trainings}.
    """
    found = {}
    for better, worse in CLAIMS:
        for segment in SEGMENTS:
            gain = micro_difference(scores[better, segment], scores[worse, segment])
            word = verdict(*gain["F1"][1:])
            found[f"{better} - {worse}, {segment}"] = {**gain, "verdict": word}
            print(
                f"{better} > {worse}, {segment}: F1 {signed(gain['F1'], 1)}, "
                f"ER {signed(gain['ER'], 2)}: {word} in F1"
            )
    return found


def score(clips, seconds: float):
    """Every candidate counts: runs of frames from 0.5 on (GMM's own threshold) are all there is."""
    return score_micro(clips, POLY_LABELS, dict.fromkeys(POLY_LABELS, 0.0), seconds=seconds)


def _cell(figures: list[dict], metric: str, digits: int) -> str:
    """Mean and deviation over trainings, or one training's figure and its interval by clip."""
    values = [f[metric] for f in figures]
    if len(values) > 1:
        return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"
    return cell(figures[0], metric, digits)


def table3(options: Options) -> dict:
    """F1 and ER of each class at the frames, for every training of a system."""
    report = {
        name: [label_results(score(x, SEGMENTS["frame"]), n_bootstrap=1000) for x in trainings]
        for name, trainings in clips_of_systems(options).items()
    }
    table = [
        [k, *(f"{_cell(x, f'F1-{k}', 1)} / {_cell(x, f'ER-{k}', 2)}" for x in report.values())]
        for k in (*POLY_LABELS, "mean")
    ]
    title = "CRNN, Table III on poly-mini: frame F1 % / ER of each class; "
    print_table(title + _seeds(), table, ["class", *report])
    print_trainings([run for group in runs(options).values() for run in group], by_clip=True)
    return report


def _seeds() -> str:
    said = [f"{name} {', '.join(map(str, seeds))}" for name, (_, seeds) in SYSTEMS.items()]
    return f"seeds of {'; '.join(said)} (± over seeds, [] by clip)"


def gmm_clips(options: Options) -> list:
    """Test clips with the GMM baseline's events, its one threshold chosen on validation clips."""
    cfg = load_config(
        str(options.configs / "crnn" / "poly_mini.yaml"), [*options.opts, *options.cache]
    )
    mapper = SEDMapper(cfg, is_train=False)
    records = DatasetCatalog.get("poly_mini_train")
    chosen = records[:: max(1, len(records) // GMM_CLIPS)][:GMM_CLIPS]
    model = GMMBaseline(POLY_LABELS, max(cfg.SEED, 0))
    model.fit(_frames(mapper, record) for record in tqdm(chosen, desc="GMM", unit="clip"))
    hop = mapper.log_mel.seconds_per_frame
    found = {
        split: [
            (record, model.scores(cepstra(mapper.spectrogram(record)), hop))
            for record in DatasetCatalog.get(f"poly_mini_{split}")
        ]
        for split in ("val", "test")
    }
    best = max(GMM_GRID, key=lambda low: _f1(_gmm_events("val", found["val"], low, hop)))
    return _gmm_events("test", found["test"], best, hop)


def _frames(mapper: SEDMapper, record: dict):
    """Features and truth of some frames of a clip."""
    clip = mapper(record)
    features = cepstra(clip["image"][0].numpy())
    truth = step_targets(clip["instances"], len(features), 1, 0.5, len(POLY_LABELS)).numpy()
    return features[::GMM_EVERY], truth[::GMM_EVERY]


def _gmm_events(split: str, found, low: float, hop: float) -> list:
    truth = reference_clips(f"poly_mini_{split}", list(POLY_LABELS))
    for record, scores in found:
        clip = truth[record["image_id"]]
        events = events_from_scores(scores, low, 1, 0.5, (1, len(scores)))
        events.pred_boxes.scale(hop, 1.0)  # frames to seconds
        clip.candidates = events_from_instances(events, POLY_LABELS, clip.duration)
    return list(truth.values())


def _f1(clips) -> float:
    return micro_results(score(clips, SEGMENTS["1 s"]))["F1"]
