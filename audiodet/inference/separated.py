"""A run of ``audiodet separate``: recordings to wavs of classes, through a journal."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import soundfile as sf

from audiodet import __version__
from audiodet.audio.io import audio_info
from audiodet.errors import AudiodetError
from audiodet.files import atomic_path, remove_temporaries
from audiodet.inference.journal import Journal
from audiodet.inference.outputs import write_problems, writing
from audiodet.inference.reading import as_audio_error
from audiodet.inference.separation import Separator
from audiodet.inference.work import Work
from audiodet.names import printable, safe_names, unique_names

LONGEST = 140  # bytes of a recording's name in that of a wav
LONGEST_LABEL = 60


@dataclass
class SeparatedRun:
    """The recordings of a command line, and what separates them.

    Attributes:
        folder: for the wavs.
        model: its name, for the journal.
        window: in seconds.
        resume: continue the run in the folder.
    """

    work: Work
    separator: Separator
    folder: str
    model: str
    window: float
    resume: bool = False

    def to_end(self) -> None:
        """Bring every recording into the journal, its wavs before, and print their paths.

        Raises:
            AudiodetError: a wav or the journal cannot be written; ``--resume`` continues.
        """
        detector = self.separator.detector
        parameters = {
            "version": __version__,
            "command": "separate",
            "model": self.model,
            **detector.runner.identity(),
            "separated_from": detector.thresholds,
            "window": self.window,
        }
        with closing(Journal(self.folder, parameters, self.resume)) as journal:
            remove_temporaries(self.folder)
            self.work.take_up(journal, self._all_there)
            self.names = WavNames(self.work.paths, self.separator.labels)
            self.work.fill(journal, self._separated)
            for _, entry in self.work.entries(journal):
                for name in entry["files"]:
                    print(printable(os.path.join(self.folder, name)))
            write_problems(self.folder, self.work.problems, "error")

    def _all_there(self, entry: dict) -> bool:
        return all(os.path.isfile(os.path.join(self.folder, name)) for name in entry["files"])

    def _separated(self, paths, progress) -> Iterator[tuple[str, dict]]:
        """(path, what the journal keeps of it) of each recording, whose wavs are written."""
        for path in paths:
            try:
                rate = audio_info(path).sample_rate
                sounds = self.separator.separate_file(path)
            except (AudiodetError, OSError, RuntimeError) as error:
                yield path, {"error": str(as_audio_error(path, error))}
                continue
            files = [self.names.name(path, label) for label in sounds]
            for name, samples in zip(files, sounds.values()):
                self._write(os.path.join(self.folder, name), samples, rate)
            yield path, {"files": files}

    def _write(self, wav: str, samples, rate: int) -> None:
        with writing(wav), atomic_path(wav) as temporary:
            try:
                sf.write(temporary, samples, rate, "FLOAT", format="WAV")
            except sf.LibsndfileError as error:
                raise OSError(None, error.error_string) from error
            expected = 4 * len(samples)
            if os.path.getsize(temporary) < expected:
                raise OSError(None, f"{expected} bytes of samples expected")


class WavNames:
    """Names of wavs, <recording>_<class>.wav, of which no two are the same."""

    def __init__(self, paths, labels):
        self.recordings = unique_names(paths, LONGEST)
        self.labels = safe_names(labels, LONGEST_LABEL)
        self._order = {name: number for number, name in enumerate(self.recordings.values())}
        self._of_labels = set(self.labels.values())

    def name(self, path: str, label: str) -> str:
        """The wav of a class in a recording."""
        recording = self.recordings[path]
        stem = f"{recording}_{self.labels[label]}"
        before = self._readings(stem).index(recording)
        number = 1
        name = stem
        while before:
            number += 1
            name = f"{stem}_{number}"
            before -= not self._readings(name)
        return f"{name}.wav"

    def _readings(self, stem: str) -> list[str]:
        """Recordings of which ``stem`` can be the name with one of the classes, in order."""
        found = []
        for place, character in enumerate(stem):
            recording = stem[:place]
            label = stem[place + 1 :]
            if character == "_" and recording in self._order and label in self._of_labels:
                found.append(recording)
        return sorted(found, key=self._order.get)
