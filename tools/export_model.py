#!/usr/bin/env python
"""Make a small file that ships out of a scored training of any system, with its model card.

Examples:
    tools/export_model.py --run output/eval --weights output/tfseg/model_final.pth --name NAME \\
        --command "tools/train_net.py --config-file configs/tfseg/remix_mini_paper.yaml"
    tools/export_model.py --run output/rare/rcrnn_fold0 --report output/rare/rare-mini.json \\
        --name NAME --command "tools/reproduce.py rare-mini"

What was decided after the training goes into the file: decisions.yaml (TEST.TUNE_RULES) or
thresholds.json (TEST.TUNE_THRESHOLDS) of the run, or the thresholds across folds of --report. The
figures of its test sets go onto the card.
"""

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable
import yaml

from audiodet import model_zoo, weights
from audiodet.data.datasets.rare_mini import rare_mini_sources
from audiodet.data.mixing.soundbank import load_soundbank, soundbank_root
from audiodet.engine.setup import load_config
from audiodet.errors import DataError
from audiodet.evaluation import load_clips, save_clips, score_clips
from audiodet.events import Event
from audiodet.export.write import renew
from audiodet.files import atomic_path, write_text
from audiodet.modeling import keras_count
from command_line import parser_of, run_main
from papers.engine import HASHES
from papers.runs import flat

ROOT = Path(__file__).resolve().parents[1]
FAINTEST = 0.05  # score of a candidate that is kept
ROW = "R-CRNN, thresholds across folds"  # of the table rare-mini
RARE_TRAINING = re.compile(r"rare_mini_(?:fold(\d)|all)_train")
LICENCES = """\
- **Licences of the data**: CC0, CC BY, ODbL, and clips of ESC-50 that are to be treated as
  **non-commercial**; so are these weights. The bank's own table names every author and source."""
CARD = """# {name}

{system} for {labels}; {parameters:,} parameters by the Keras rule. {note}

- **Made by** `{command}`, exported with `tools/export_model.py --name {name} ...`.
- **Data**: mixtures of the real recordings of a sound bank (`soundbank.csv`). Trained on {train};
  decided on {val}. Rows seen in training: {rows}.
{licences}
- **Thresholds** (inside the file): {thresholds}; {tuned}.
- **Figures** of test sets: {figures}.
- **Limits**: few sources of each class, recordings low-passed at 10 kHz; sounds like the
  distractors it was trained with raise false alarms. docs/papers has what was compared.
"""
# File of an evaluator -> task -> metrics that the card shows.
SHOWN = {
    "metrics.json": {"sed": ("F1", "ER"), "micro_0.02s": ("F1", "ER"), "micro_1s": ("F1", "ER")},
    "frames.json": {"frames": ("F1", "mAP")},
    "tagging.json": {"tagging": ("F1", "mAP")},
    "masks.json": {"masks": ("F1", "AUC", "mAP")},
}


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--run", required=True, metavar="DIR", help="folder of the training or evaluation")
    add("--name", required=True, help="name in audiodet.model_zoo")
    add("--command", required=True, help="the command that made the training")
    add("--note", default="", help="a sentence for the card")
    add("--report", help="rare-mini.json of tools/reproduce.py, for thresholds across folds")
    add("--weights", metavar="FILE", help="the checkpoint, where the run only tuned and scored it")
    add("--scores", metavar="FILE.jsonl", help="keep the run's scored clips, to test thresholds")
    add("--output", metavar="FILE.safetensors", help="the file (in a checkout: where weights ship)")
    args = parser.parse_args()
    if args.output is None and Path(audiodet.__file__).parents[1] != ROOT:
        parser.error("audiodet is not this checkout's: --output FILE.safetensors is needed")
    if args.output and not args.output.endswith(".safetensors"):
        parser.error(f"--output {args.output}, expected a file FILE.safetensors")
    return args


def rows_seen(train) -> str:
    """Which rows of the bank's table the training sets draw from."""
    rare = RARE_TRAINING.fullmatch(train[0])
    if not rare:
        return "those of the training sets' sources; validation and test are of other groups"
    fold = rare[1] and int(rare[1])
    kept, held_out, _ = rare_mini_sources(load_soundbank(soundbank_root()), fold)
    groups = sorted({clip.split_group for clip in held_out})
    which = "all" if fold is None else f"those of folds {[f for f in range(4) if f != fold]}"
    named = ", ".join(f"`{group}`" for group in groups)
    return f"{which}, but for {len(groups)} source groups ({len(kept)} rows remain): {named}"


def decisions(run: Path, cfg, report: str | None) -> tuple[dict, str]:
    """{key: value} of what was found after training, TEST.THRESHOLDS among it, and how it was."""
    labels = cfg.DATASETS.LABELS
    if report:
        fold = RARE_TRAINING.fullmatch(cfg.DATASETS.TRAIN[0])[1]
        found = _read(Path(report), "what tools/reproduce.py writes")["thresholds"][ROW]
        others = "the other folds" if fold else "all folds"
        how = f"tuned on the test mixtures of {others}, by models that never heard their sources"
        return {"TEST.THRESHOLDS": [found[fold or "all"][label] for label in labels]}, how
    how = "tuned on sources that were held out of this training"
    path = run / "decisions.yaml"
    if path.is_file():
        return flat(yaml.safe_load(path.read_text(encoding="utf-8"))), how
    thresholds = _read(run / "thresholds.json", "decisions.yaml or thresholds.json of tuning")
    return {"TEST.THRESHOLDS": [thresholds[label] for label in labels]}, how


def _read(path: Path, expected: str) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}), expected {expected}") from None


def figures(run: Path, thresholds: dict, rescore: bool) -> str:
    """Of every test set that the run scored what its evaluators wrote, or at other thresholds."""
    lines = []
    for folder in sorted((run / "inference").glob("*/")):
        found = _rescored(folder, thresholds) if rescore else _written(folder)
        lines.append(f"{folder.name}: {found}")
    return "; ".join(lines) or "none of its own: no source is left to test on; see the fold models"


def _rescored(folder: Path, thresholds: dict) -> str:
    mean = score_clips(load_clips(folder / "clips.jsonl"), [*thresholds], thresholds, True).mean
    return f"ER {mean['ER']:.2f}, F1 {mean['F1']:.1f} %, one event a clip"


def _written(folder: Path) -> str:
    parts = []
    for file, tasks in SHOWN.items():
        path = folder / file
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for task, metrics in tasks.items():
            if task in content:
                values = [f"{name} {content[task][name]:.2f}" for name in metrics]
                parts.append(f"{task} {', '.join(values)}")
    return ", ".join(parts)


def with_hashes(names) -> str:
    """Names of datasets, those of mixtures with the hash of their recipes."""
    parts = []
    for name in names:
        known = HASHES.get(name.partition("_")[0])
        parts.append(f"`{name}` ({known(name)})" if known else f"`{name}`")
    return ", ".join(parts)


def save_scores(run: Path, path: str) -> None:
    """What the model said of the run's test clips: candidates of the clip's label, rounded."""
    kept = []
    for source in sorted(run.glob("inference/*/clips.jsonl")):
        for clip in load_clips(source):
            own = []
            for x in clip.candidates:
                if x.label == clip.target and x.score >= FAINTEST:
                    times = (round(x.onset, 2), round(x.offset, 2))
                    own.append(Event(*times, x.label, round(x.score, 4)))
            kept.append(replace(clip, candidates=own))
    save_clips(kept, path)


def ship(target: Path, checkpoint: Path, thresholds: dict, card_of, **options) -> None:
    """Write weights and the card beside them, both or neither, and renew an exported file.

    Args:
        card_of: the model that was written -> its card.
        options: of :func:`audiodet.model_zoo.export`.
    """
    with atomic_path(target) as temporary:
        model_zoo.export(str(checkpoint), thresholds, str(temporary), **options)
        card = card_of(model_zoo.get(str(temporary)))
        write_text(target.with_suffix(".md"), card.rstrip() + "\n")
    renew(target)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


def in_words(thresholds: dict) -> str:
    """Thresholds for a card."""
    return ", ".join(f"{label} {value:.3f}" for label, value in thresholds.items())


def main(args: argparse.Namespace) -> None:
    """Write the weights and the card."""
    run = Path(args.run)
    cfg = load_config(str(run / "config.yaml"), ["MODEL.DEVICE", "cpu"])
    settings, tuned = decisions(run, cfg, args.report)
    # What is behind the network is the run's: a verifier may have come after the training.
    behind = {key: cfg.MODEL[key] for key in ("POSTPROCESSORS", "FUSION")}
    settings = {**flat({"MODEL": behind}), **settings}
    thresholds = dict(zip(cfg.DATASETS.LABELS, settings["TEST.THRESHOLDS"]))
    best = run / "model_best.pth"  # where there is one, the thresholds are its
    checkpoint = args.weights or (best if best.is_file() else run / "model_final.pth")

    def card_of(model) -> str:
        return CARD.format(
            name=args.name,
            system=cfg.MODEL.META_ARCHITECTURE,
            labels=", ".join(thresholds),
            parameters=keras_count(model),
            note=args.note,
            command=args.command,
            train=with_hashes(cfg.DATASETS.TRAIN),
            val=with_hashes(cfg.DATASETS.VAL),
            rows=rows_seen(cfg.DATASETS.TRAIN),
            licences=LICENCES,
            thresholds=in_words(thresholds),
            tuned=tuned,
            figures=figures(run, thresholds, rescore=bool(args.report)),
        )

    target = Path(args.output or weights.SHIPPED / f"{args.name}.safetensors")
    ship(target, Path(checkpoint), thresholds, card_of, settings=settings)
    if args.scores:
        save_scores(run, args.scores)


if __name__ == "__main__":
    run_main(main, parse_args)
