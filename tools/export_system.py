#!/usr/bin/env python
"""Make a small file that ships out of a scored training of any system, with its model card.

Example:
    tools/export_system.py --run output/eval --weights output/tfseg/model_final.pth --name NAME \\
        --command "tools/train_net.py --config-file configs/tfseg/remix_mini_paper.yaml"

The run is an evaluation with TEST.TUNE_RULES or TEST.TUNE_THRESHOLDS: its decisions.yaml or
thresholds.json goes into the file (where there is neither, its TEST.THRESHOLDS), its figures of the
test sets onto the card.
"""

import argparse
import json
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable
import yaml

from audiodet import model_zoo, weights
from audiodet.engine.setup import load_config
from audiodet.errors import AudiodetError
from audiodet.events import thresholds_by_label
from audiodet.files import atomic_path, write_text
from audiodet.modeling import keras_count
from papers.engine import HASHES

CARD = """# {name}

{system} for {labels}; {parameters:,} parameters by the Keras rule. {note}

- **Made by** `{command}`; scored and decided by `tools/train_net.py --eval-only` with {decided};
  exported with `tools/export_system.py --name {name} ...`.
- **Data**: mixtures of the real recordings of a sound bank (`soundbank.csv`). Trained on {train};
  decided on {val}; scored on {test}. **Rows seen** in training are those of the training sets'
  sources alone; those of validation and test are of other source groups.
- **Licences of the data**: CC0, CC BY, ODbL, and clips of ESC-50 that are to be treated as
  **non-commercial**; so are these weights. The bank's own table names every author and source.
- **Thresholds** (inside the file): {thresholds}.
- **Figures** of test sets, of sources that neither training nor thresholds heard: {figures}
- **Limits**: few sources of each class, mixtures low-passed at 10 kHz; without any sound at all
  (digital silence) it may report an event, as no clip was silent; docs/papers has what was
  compared, and how far it is from the paper's own data.
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
    summary, _, text = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", required=True, metavar="DIR", help="folder of the evaluation")
    parser.add_argument("--weights", required=True, metavar="FILE", help="the checkpoint")
    parser.add_argument("--name", required=True, help="name in audiodet.model_zoo")
    parser.add_argument("--command", required=True, help="the command that made the training")
    parser.add_argument("--note", default="", help="a sentence for the card")
    parser.add_argument(
        "--opts", nargs="*", default=[], help="KEY VALUE pairs that the file is to have, too"
    )
    parser.add_argument(
        "--output", metavar="FILE.safetensors", help="by default among those that ship"
    )
    args = parser.parse_args()
    if len(args.opts) % 2:
        parser.error(f"--opts {' '.join(args.opts)}: expected KEY VALUE pairs")
    return args


def found_after_training(run: Path, cfg) -> dict:
    """{key: value} of decisions.yaml, or thresholds: of thresholds.json, else the run's own."""
    path = run / "decisions.yaml"
    if path.is_file():
        return flat(yaml.safe_load(path.read_text(encoding="utf-8")))
    labels = cfg.DATASETS.LABELS
    thresholds = thresholds_by_label(cfg.TEST.THRESHOLDS, labels)
    path = run / "thresholds.json"
    if path.is_file():
        thresholds = json.loads(path.read_text(encoding="utf-8"))
    return {"TEST.THRESHOLDS": [thresholds[label] for label in labels]}


def flat(tree: dict, prefix: str = "") -> dict:
    """A nested configuration as {"SECTION.KEY": value}."""
    found = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = value
    return found


def figures(folder: Path, names) -> str:
    """What the evaluators wrote of the test sets."""
    parts = []
    for name in names:
        for file, tasks in SHOWN.items():
            path = folder / name / file
            content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            for task, metrics in tasks.items():
                if task in content:
                    values = [f"{metric} {content[task][metric]:.2f}" for metric in metrics]
                    parts.append(f"{name} {task} {', '.join(values)}")
    return "; ".join(parts or ["none of its own"]) + "."


def with_hashes(names) -> str:
    """Names of datasets with the hash of their recipes."""
    named = [f"`{name}` ({HASHES[name.partition('_')[0]](name)})" for name in names]
    return ", ".join(named) or "nothing"


def main(args: argparse.Namespace) -> None:
    """Write the weights and the card beside them, both or neither."""
    run = Path(args.run)
    cfg = load_config(str(run / "config.yaml"), ["MODEL.DEVICE", "cpu"])
    labels = list(cfg.DATASETS.LABELS)
    settings = found_after_training(run, cfg)
    settings |= dict(zip(args.opts[::2], args.opts[1::2]))
    thresholds = dict(zip(labels, settings["TEST.THRESHOLDS"]))
    target = Path(args.output or weights.SHIPPED / f"{args.name}.safetensors")
    with atomic_path(target) as temporary:
        model_zoo.export(args.weights, thresholds, str(temporary), settings=settings)
        model = model_zoo.get(str(temporary))
        text = CARD.format(
            name=args.name,
            system=cfg.MODEL.META_ARCHITECTURE,
            labels=", ".join(labels),
            parameters=keras_count(model),
            note=args.note,
            command=args.command,
            decided=f"`TEST.TUNE_METRIC {cfg.TEST.TUNE_METRIC}`",
            train=with_hashes(cfg.DATASETS.TRAIN),
            val=with_hashes(cfg.DATASETS.VAL),
            test=with_hashes(cfg.DATASETS.TEST),
            thresholds=", ".join(f"{k} {v:.3f}" for k, v in thresholds.items()),
            figures=figures(run / "inference", cfg.DATASETS.TEST),
        )
        write_text(target.with_suffix(".md"), text)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
