"""A page to look at and listen to detected events, to judge them, and to take the verdicts along.

:func:`write_report` makes it: HTML, one script and one style sheet that open from disk, without a
server and without a network.
"""

from audiodet.visualization.report.page import Options, write_report
from audiodet.visualization.report.sources import (
    Recording,
    Run,
    add_curves,
    add_truth,
    from_clips,
    from_folder,
)

__all__ = [
    "Options",
    "Recording",
    "Run",
    "add_curves",
    "add_truth",
    "from_clips",
    "from_folder",
    "write_report",
]
