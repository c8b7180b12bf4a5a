"""``audiodet report``: a page to look at, listen to and judge the events of a run."""

import argparse
import os
import sys

from audiodet.cli.options import number


def add_parser(commands) -> None:
    """Add ``audiodet report``."""
    parser = commands.add_parser(
        "report",
        help="a page to look at, listen to and judge the events that detect found",
        description="Make a page of a run of audiodet detect: it opens from disk, without a server "
        "or a network. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some recordings "
        "could not be used (the page names each), 130 interrupted.",
    )
    parser.add_argument("folder", metavar="RUN", help="folder that audiodet detect wrote")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PAGE",
        help="folder of the page, or NAME.html for one file that holds all (RUN/report)",
    )
    parser.add_argument(
        "--truth", metavar="LABELS[:AUDIO]", help="label table, and the folder that it is about"
    )
    parser.add_argument(
        "--collar",
        type=number(float, 0),
        default=0.5,
        metavar="S",
        help="with --truth: seconds that the onset of a hit may be away (%(default)s)",
    )
    parser.add_argument(
        "--max-clips",
        type=number(int, 0),
        default=200,
        metavar="N",
        help="events of a class that can be heard, of each about 35 kB (%(default)s)",
    )
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet report``."""
    from audiodet.evaluation.counts import Matching
    from audiodet.visualization.report import Options, from_folder, write_report

    found = from_folder(args.folder)
    options = Options(args.max_clips, Matching(args.collar))
    page = write_report(found, args.output or os.path.join(args.folder, "report"), options)
    print(page)
    return 0
