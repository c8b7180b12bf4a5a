#!/usr/bin/env python
"""What a start is worth with little data: trainings from scratch, from AudioSet and audiodet_rare.

On three classes of the sound bank that audiodet_rare knows as distractors only, and on birdsong.
"""

import argparse
import json
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

from tabulate import tabulate
from tqdm import tqdm

from audiodet.data.mixing.soundbank import load_soundbank, soundbank_root
from audiodet.files import write_text
from command_line import run_main
from papers.transfer import bank_task, birdsong_task, starts, trained

KEYS = ("data", "labels a class", "start")


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output-dir", default="output/transfer", metavar="DIR")
    parser.add_argument(
        "--birdsong", default="../shared/birdsong", metavar="DIR", help="of audio/ and its tables"
    )
    parser.add_argument(
        "--published", default="../shared/pretrained/mn04_as_mAP_432.pt", metavar="FILE"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 30, 100], help="a class")
    parser.add_argument("--tasks", nargs="+", default=["bank", "birdsong"], metavar="NAME")
    parser.add_argument("--starts", nargs="+", metavar="NAME", help="all by default")
    return parser.parse_args()


def read_table(path: Path) -> dict:
    """{(data, labels a class, start): figures} of the trainings that are done."""
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return {tuple(row.pop(key) for key in KEYS): row for row in rows}


def write_table(path: Path, table: dict) -> None:
    """What :func:`read_table` reads."""
    rows = [dict(zip(KEYS, key)) | figures for key, figures in table.items()]
    write_text(path, json.dumps(rows, indent=1) + "\n")


def main(args: argparse.Namespace) -> None:
    """Print the table and write it as JSON; it grows, and what is done is not repeated."""
    root, published = Path(args.output_dir).absolute(), Path(args.published).absolute()
    tasks = {}
    if "bank" in args.tasks:
        bank = load_soundbank(soundbank_root())
        given = starts(published, coarse=True)
        tasks["bank"] = bank_task(bank, root / "bank", args.sizes, given)
    if "birdsong" in args.tasks:
        source = Path(args.birdsong).absolute()
        given = starts(published, coarse=False)
        tasks["birdsong"] = birdsong_task(source, root / "birdsong", args.sizes, given)
    wanted = []
    for size in args.sizes:
        for task in tasks:
            wanted += [(task, size, start) for start in args.starts or tasks[task].starts]
    path = root / "transfer.json"
    table = read_table(path)
    for task, size, start in tqdm(wanted, unit="training"):
        if (task, size, start) not in table:
            folder = root / task / f"{start}_{size}"
            table[task, size, start] = trained(tasks[task], size, start, folder)
            write_table(path, table)
    rows = [[*key, *figures.values()] for key, figures in sorted(table.items())]
    headers = [*KEYS, *next(iter(table.values()))]
    print(tabulate(rows, headers, "github", floatfmt=".2f"))
    print(f"figures: {path}")


if __name__ == "__main__":
    run_main(main, parse_args)
