"""The page as files: index.html with clips and strips beside it, or one file that holds all."""

import base64
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from jinja2 import Environment
from tqdm import tqdm

from audiodet.errors import AudiodetError, AudioError
from audiodet.events import Agreement, Event
from audiodet.files import atomic_folder, atomic_path
from audiodet.names import printable
from audiodet.visualization.report import media
from audiodet.visualization.report.items import (
    Item,
    choose_clips,
    collect_items,
    columns,
    labels_of,
    share_clips,
)
from audiodet.visualization.report.sources import Run

# In the order in which they run; together they are the page's one script.
SCRIPTS = ("data", "verdicts", "transfer", "classes", "list", "detail", "curve", "timeline")
SCRIPTS += ("hours", "truth", "keys")
OURS = '<meta name="generator" content="audiodet report">'


@dataclass(frozen=True)
class Options:
    """How a page is made.

    Attributes:
        max_clips: events of a label that get a clip and a strip; the others say so.
        matching: when an event is a hit of a true one.
    """

    max_clips: int = 200
    matching: Agreement = Agreement()


def write_report(run: Run, output: str | Path, options: Options = Options()) -> Path:
    """Write the page of a run, whole or not at all -> its file; recordings are only read.

    Recordings that are gone or cannot be read are added to ``run.problems``; their events are on
    the page without a clip.

    Args:
        output: a folder that is made or replaced; a name in .html makes one file that holds all.

    Raises:
        AudiodetError: the output is something else than a page, or cannot be written.
    """
    output = Path(output)
    _refuse_strangers(output)
    items = collect_items(run, options.matching)
    chosen = choose_clips(items, run, options.max_clips)
    if output.suffix == ".html":
        files: dict[str, bytes] = {}
        clips = _cut_clips(run, items, chosen, files.__setitem__)
        with atomic_path(output) as temporary:
            temporary.write_text(_page(run, items, clips, options, files), encoding="utf-8")
        return output
    with atomic_folder(output) as temporary:
        for name in ("clips", "strips"):
            (temporary / name).mkdir()
        clips = _cut_clips(run, items, chosen, lambda name, b: (temporary / name).write_bytes(b))
        page = _page(run, items, clips, options, {})
        (temporary / "index.html").write_text(page, encoding="utf-8")
    return output / "index.html"


def _refuse_strangers(output: Path) -> None:
    """Replace nothing but an earlier page or an empty folder."""
    page = output / "index.html" if output.is_dir() else output
    if page.is_file():
        ours = OURS.encode() in page.read_bytes()[:2000]
    else:
        ours = not output.exists() or (output.is_dir() and not any(output.iterdir()))
    if not ours:
        raise AudiodetError(f"{output}: holds something else, expected a page of audiodet or none")


def _cut_clips(run: Run, items: Sequence[Item], chosen: Sequence[int], write) -> dict:
    """Cut and draw -> {place: [start, seconds, rate, its file's place, low, high]}.

    Low and high are places of an event's frequencies, where it has some.
    """
    suffix = media.sound_suffix()
    failed = dict(run.problems)
    shared = share_clips(items, chosen, run)
    own = [place for place, (*_, file) in shared.items() if file == place]

    def cut(place: int):
        recording = run.recordings[items[place].recording]
        if recording.path in failed:
            return None
        start, seconds, _ = shared[place]
        try:
            samples, rate = media.read_part(recording.path, start, seconds)
        except (AudioError, OSError) as error:
            failed.setdefault(recording.path, str(error).removeprefix(f"{recording.path}: "))
            return None
        write(f"clips/{place}{suffix}", media.encode_sound(samples, rate, suffix))
        write(f"strips/{place}.png", media.encode_strip(samples, rate))
        return [round(start, 4), round(len(samples) / rate, 4), rate, place]

    with ThreadPoolExecutor() as pool:  # soundfile and torch let other threads work
        cutting = tqdm(pool.map(cut, own), "clips", len(own), unit="clip", disable=None)
        files = dict(zip(own, cutting))
    run.problems[:] = failed.items()
    clips = {}
    for place, (*_, file) in shared.items():
        if files[file]:
            clips[place] = [*files[file], *_frequencies(items[place].event, files[file][2])]
    return clips


def _frequencies(event: Event, rate: int) -> list[float]:
    """Places of an event's lowest and highest frequency on a strip, where it has some."""
    if event.low_hz is None:
        return []
    scale = media.scale_of(rate)
    return [scale.place(event.low_hz), scale.place(event.high_hz)]


def _page(run: Run, items, clips: dict, options: Options, files: dict[str, bytes]) -> str:
    """The HTML; ``files`` are put into it."""
    folder = resources.files(__package__) / "templates"
    scripts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        (folder / "page.html").read_text(encoding="utf-8")
    )
    # "<" inside a JSON text is written as an escape: no label can end the element it stands in.
    data = json.dumps(_data(run, items, clips, options), ensure_ascii=False, separators=(",", ":"))
    return template.render(
        ours=OURS,
        title=printable(run.title),
        style=(folder / "page.css").read_text(encoding="utf-8"),
        data=data.replace("<", "\\u003c"),
        script="\n".join(scripts),
        files=_encoded(files),
    )


def _encoded(files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    for name, content in files.items():
        yield name, base64.b64encode(content).decode()


def _data(run: Run, items: Sequence[Item], clips: dict, options: Options) -> dict:
    """All that the script reads."""
    labels = labels_of(run, items)
    found = [item for item in items if not item.is_truth]
    rivals = {place: item.rivals for place, item in enumerate(found) if item.rivals}
    rates = sorted({clip[2] for clip in clips.values()})
    return {
        "run": run.identity(),
        "title": printable(run.title),
        "model": printable(run.model),
        "made": datetime.now().isoformat(" ", "minutes"),
        "labels": labels,
        "thresholds": [run.thresholds.get(label, 0.5) for label in labels],
        "recordings": [_described(recording) for recording in run.recordings],
        "found": len(found),
        "items": columns(items, labels),
        "rivals": rivals,
        "clips": clips,
        "curves": _curves(run, items, clips, labels),
        "ticks": {rate: media.scale_of(rate).ticks() for rate in rates},
        "suffix": media.sound_suffix(),
        "maxClips": options.max_clips,
        "matching": asdict(options.matching),
        "problems": [[printable(path), printable(reason)] for path, reason in run.problems],
    }


def _curves(run: Run, items: Sequence[Item], clips: dict, labels: Sequence[str]) -> dict:
    """{place: {label's number: values}} of items with a clip, where there are curves."""
    numbers = {label: number for number, label in enumerate(labels)}
    curves = {}
    for place, (start, seconds, *_) in clips.items():
        known = run.recordings[items[place].recording].curves
        if known is not None:
            heard = media.sampled(known, start, seconds)
            curves[place] = {numbers[k]: v for k, v in heard.items() if k in numbers}
    return curves


def _described(recording) -> dict:
    began = recording.began()
    return {
        "path": printable(recording.path),
        "duration": round(recording.duration, 3),
        "began": began and began.isoformat(),
        "truth": recording.truth is not None,
    }
