#!/usr/bin/env python
"""The whole walk in minutes: mixtures, training, scores, pictures. `make demo` calls it."""
import argparse
import os
import subprocess
import sys
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.data.soundbank import load_soundbank
from audiodet.data.synthetic_bank import write_synthetic_bank
from audiodet.errors import AudiodetError

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "quick" / "rcrnn.yaml"


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


def main(args) -> None:
    """Mixtures on disk to listen to, a training on mixtures rendered on the fly, pictures."""
    output = Path(args.output_dir)
    bank = args.soundbank
    if bank is None:
        bank = output / "synthetic_bank"
        print(f"No --soundbank given: writing a SYNTHETIC bank of procedural sounds to {bank}")
        write_synthetic_bank(bank)
    labels = load_soundbank(bank).labels
    os.environ["AUDIODET_SOUNDBANK"] = str(Path(bank).resolve())
    run("make_mixtures.py", "--soundbank", bank, "--out", output / "mixtures", "--count", 10)
    opts = ["DATASETS.LABELS", str(labels), "OUTPUT_DIR", output / "rcrnn", *args.opts]
    run("train_net.py", "--config-file", CONFIG, *opts)
    run(
        "visualize_data.py", "--config-file", CONFIG, "--source", "results", "--limit", 12,
        "--output-dir", output / "pictures", *opts,
    )  # fmt: skip
    results = output / "rcrnn" / "inference" / "rare_quick_test"
    kind = "SYNTHETIC sounds" if args.soundbank is None else f"recordings of {bank}"
    print(
        f"\nDone, on {kind}. Look at\n"
        f"  {results / 'metrics.json'}   scores\n"
        f"  {results / 'events.tsv'}     detected events\n"
        f"  {output / 'pictures'}    spectrograms, true events red, detections with score\n"
        f"  {output / 'mixtures'}    mixtures to listen to\n"
        f"  {output / 'rcrnn' / 'model_final.pth'}   the model"
    )


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
