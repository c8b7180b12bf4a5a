"""Printed tables on the pages of docs/papers, between the comments that name them."""

import contextlib
import datetime
import io
import os
import platform
import re
import sys
from pathlib import Path

from audiodet.errors import DataError
from audiodet.files import write_text

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "papers"


def page_of(name: str, folder: Path = FOLDER) -> Path:
    """The page that has a place for a table; DataError if none has."""
    for path in sorted(folder.glob("*.md")):
        if f"<!-- table: {name} -->" in path.read_text(encoding="utf-8"):
            return path
    raise DataError(f"{folder}: no page has <!-- table: {name} -->, where its table would stand")


def made_now() -> dict[str, str]:
    """Day and machine of figures that were just counted."""
    cores = len(os.sched_getaffinity(0))
    return {"day": str(datetime.date.today()), "machine": f"{processor()}, {cores} cores"}


def heading(path: Path, made: dict, command: str) -> str:
    """When, where and how the figures of a report's file were counted; older files say no place."""
    day = datetime.date.fromtimestamp(path.stat().st_mtime)
    where = f", {made['machine']}" if made else ""
    return f"{made.get('day', day)}{where}: `{command}`\n"


def processor() -> str:
    """Its maker's name for it, as Linux has it; elsewhere the architecture."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    found = re.search(r"model name\s*: (.+)", text)
    return found[1] if found else platform.machine()


def put(name: str, text: str, folder: Path = FOLDER) -> Path:
    """Write a printed table into its page, instead of what stands there -> the page."""
    path = page_of(name, folder)
    start = re.escape(f"<!-- table: {name} -->\n")
    content = path.read_text(encoding="utf-8")
    place = re.compile(f"({start})(?:.*?)(<!-- end -->)", re.DOTALL)
    filled = place.sub(lambda match: f"{match[1]}{text.strip()}\n{match[2]}", content, count=1)
    write_text(path, filled)
    return path


class Kept(io.StringIO):
    """Text that is printed and kept."""

    def __init__(self, shown):
        super().__init__()
        self.shown = shown

    def write(self, text: str) -> int:
        self.shown.write(text)
        return super().write(text)


@contextlib.contextmanager
def kept():
    """What is printed meanwhile, as a :class:`Kept`."""
    text = Kept(sys.stdout)
    with contextlib.redirect_stdout(text):
        yield text
