#!/usr/bin/env python
"""The whole walk in minutes: mixtures, training, scores, pictures. `make demo` calls it."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = time.perf_counter()

import audiodet  # noqa: F401  makes detectron2 importable

from detectron2.utils.events import EventStorage

from audiodet.data.loader import dataset_view
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.visualization import visualize_results
from command_line import run_main
from listening import write_loud_copies
from synthetic_bank import write_synthetic_bank

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "quick" / "rcrnn.yaml"
DATASET = "rare_quick_test"
LONGEST = 15  # seconds of an event in the mixtures to listen to, half of one
ALL = 140  # seconds that the demo may take: a slow machine takes fewer training steps
BESIDE = 1.2  # times what has passed until the steps begin: programs start, scores, pictures
SHORTEST = 100  # steps of a training
WARM, TIMED = 3, 8  # steps before the time of a step is taken, and of which it is


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soundbank", help="folder of recordings; without it a synthetic bank")
    parser.add_argument("--output-dir", default="output/demo", metavar="DIR")
    parser.add_argument("opts", nargs=argparse.REMAINDER, help="KEY VALUE pairs of the config")
    return parser.parse_args()


def run(tool: str, *arguments) -> None:
    """Run one of the repository's tools as a user would; end the demo where it fails."""
    command = [sys.executable, str(ROOT / "tools" / tool), *map(str, arguments)]
    print("\n$ " + " ".join(command[1:]), flush=True)
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(code)


def newest(mixtures: Path) -> Path:
    """The folder of the mixtures that were made last."""
    tables = mixtures.glob("data/mixture_data/*/*/labels.tsv")
    return max(tables, key=lambda table: table.stat().st_mtime).parent


def seconds_a_step(cfg) -> float:
    """Seconds of a training step on this machine, its mixtures included."""
    with tempfile.TemporaryDirectory() as folder, EventStorage():
        cfg = cfg.clone()
        cfg.defrost()
        cfg.OUTPUT_DIR = folder
        training = Trainer(cfg)._trainer
        for number in range(WARM + TIMED):
            if number == WARM:
                start = time.perf_counter()
            training.iter = number
            training.run_step()
        seconds = time.perf_counter() - start
        # Left to the garbage collector, the loader would wait 10 s for its processes.
        training._data_loader_iter_obj = None
        return seconds / TIMED


def main(args) -> None:
    """Mixtures on disk to listen to, a training on mixtures rendered on the fly, pictures."""
    output = Path(args.output_dir)
    kind = f"recordings of {args.soundbank}"
    bank = args.soundbank
    if bank is None:
        kind = "SYNTHETIC sounds"
        bank = str(output / "synthetic_bank")
        print(f"No sound bank given: writing a SYNTHETIC one of procedural sounds to {bank}")
        write_synthetic_bank(bank)
    os.environ["AUDIODET_SOUNDBANK"] = os.path.abspath(bank)
    opts = ["DATASETS.LABELS", str(load_soundbank(bank).labels)]
    opts += ["OUTPUT_DIR", str(output / "rcrnn"), *args.opts]
    cfg = load_config(str(CONFIG), opts)
    step = seconds_a_step(cfg)
    fixed = (time.perf_counter() - START) * (1 + BESIDE)
    steps = min(cfg.SOLVER.MAX_ITER, max(SHORTEST, int((ALL - fixed) / step)))
    minutes = (steps * step + fixed) / 60
    print(f"About {minutes:.1f} minutes on this machine: {steps} training steps of {step:.2f} s.")
    opts += ["SOLVER.MAX_ITER", str(steps)]
    mixtures = ("--out", output / "mixtures", "--count", 10, "--longest", LONGEST)
    run("make_mixtures.py", "--soundbank", bank, *mixtures)
    run("train_net.py", "--config-file", CONFIG, *opts)
    listen = write_loud_copies(newest(output / "mixtures"), output / "listen")
    results = output / "rcrnn" / "inference" / DATASET
    pictures = output / "pictures"
    drawn = draw(load_config(str(CONFIG), opts), results, pictures)
    print(
        f"\nDone, on {kind}.\n"
        f"  scores                 {results / 'metrics.json'}\n"
        f"  detected events        {results / 'events.tsv'}\n"
        f"  {drawn} spectrograms        {pictures}   (true events red, detections with score)\n"
        f"  mixtures to listen to  {listen[0].parent}   (at -6 dBFS, with events first: "
        f"{listen[0].name})\n"
        f"  the model              {output / 'rcrnn' / 'model_final.pth'}\n"
        "Next: source .venv/bin/activate; then `audiodet` is found."
    )


def draw(cfg, results: Path, pictures: Path) -> int:
    """Draw scored clips, in the place of those of an earlier demo -> how many."""
    for old in pictures.glob("*.png"):
        old.unlink()
    view = dataset_view(DATASET, cfg.DATASETS.LABELS)
    return len(visualize_results(cfg, view, str(results), str(pictures)))


if __name__ == "__main__":
    run_main(main, parse_args)
