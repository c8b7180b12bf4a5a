"""A wav of each event that a run found, in a folder per class, the surest first."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from audiodet.audio.io import audio_info, read_audio
from audiodet.errors import AudiodetError, AudioError
from audiodet.events import Event
from audiodet.files import atomic_path, write_text
from audiodet.inference.results import RunResults
from audiodet.names import cell, path_cell, printable, safe_names, unique_names

TABLE = "clips.tsv"  # in the folder of the clips
COLUMNS = ("clip", "filename", "onset", "offset", "event_label", "score", "clip_start")


@dataclass(frozen=True)
class EventClip:
    """One clip: its file in the folder of the clips, its event, and where it begins (seconds)."""

    file: str
    source: str
    event: Event
    start: float

    def row(self) -> str:
        """Its line of the table."""
        times = [f"{time:.3f}" for time in (self.event.onset, self.event.offset)]
        cells = [self.file, path_cell(self.source), *times, cell(self.event.label)]
        cells += [f"{self.event.score:.4f}", f"{self.start:.3f}"]
        return "\t".join(cells) + "\n"


def plan_clips(run: RunResults, margin: float, max_per_class: int = 0) -> list[EventClip]:
    """The clips of a run's reported events: of each class the surest first.

    Args:
        margin: seconds before and after each event, less at a recording's ends.
        max_per_class: 0 for all.
    """
    by_label = defaultdict(list)
    for recording in run.recordings:
        for event in recording.events:
            by_label[event.label].append((recording.source, event))
    folders = safe_names(sorted(by_label))
    stems = unique_names([recording.source for recording in run.recordings])
    clips = []
    for label, folder in folders.items():
        ranked = sorted(by_label[label], key=lambda pair: -pair[1].score)
        for rank, (source, event) in enumerate(ranked[: max_per_class or None], 1):
            stem = stems[source].encode()[:120].decode("utf-8", "ignore")
            name = f"{rank:05d}_{event.score:.3f}_{stem}_{event.onset:.2f}s.wav"
            start = max(0.0, event.onset - margin)
            clips.append(EventClip(os.path.join(folder, name), source, event, start))
    return clips


def write_clips(run: RunResults, folder, margin: float = 0.5, max_per_class: int = 0):
    """Write the clips, one channel at the recording's own rate, and a table of them.

    Clips that an earlier call left in the folder are replaced. Recordings are only read.

    Returns:
        (number of clips, {path: why a recording could not be read}).

    Raises:
        AudiodetError: the folder holds other things, or cannot be written.
    """
    folder = Path(folder)
    clips = plan_clips(run, margin, max_per_class)
    _make_room(folder, run)
    lines = [clip.row() for clip in clips]
    write_text(folder / TABLE, "\t".join(COLUMNS) + "\n" + "".join(lines))
    problems = {}
    written = 0
    for clip in sorted(clips, key=lambda clip: (clip.source, clip.start)):
        if clip.source in problems:
            continue
        try:
            _write_clip(folder / clip.file, clip, margin)
            written += 1
        except AudioError as error:
            problems[clip.source] = str(error).removeprefix(f"{clip.source}: ")
    return written, problems


def _make_room(folder: Path, run: RunResults) -> None:
    """Remove the clips that the folder's own table names; refuse a folder of other things."""
    table = folder / TABLE
    for recording in run.recordings:
        if Path(recording.source).resolve().is_relative_to(folder.resolve()):
            raise AudiodetError(
                f"{folder}: holds recordings of the run ({printable(recording.source)}), expected "
                "another folder for clips"
            )
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not table.is_file() or not table.read_text(encoding="utf-8").startswith("clip\tfilename\t"):
        raise AudiodetError(
            f"{folder}: holds other things, expected a new or empty folder, or one of clips"
        )
    for line in table.read_text(encoding="utf-8").splitlines()[1:]:
        clip = folder / line.split("\t")[0]
        if clip.resolve().is_relative_to(folder.resolve()) and clip.suffix == ".wav":
            clip.unlink(missing_ok=True)


def _write_clip(path: Path, clip: EventClip, margin: float) -> None:
    end = clip.event.offset + margin
    samples = read_audio(clip.source, None, clip.start, end - clip.start)
    rate = audio_info(clip.source).sample_rate
    kind = "PCM_16" if np.abs(samples).max() <= 1 else "FLOAT"
    with atomic_path(path) as temporary:
        sf.write(temporary, samples, rate, kind, format="WAV")
