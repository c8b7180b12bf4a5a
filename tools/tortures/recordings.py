"""Mutated recordings of all containers: read, or refused by one line, in bounded memory."""

import multiprocessing
import os
import random
import resource
import signal
from pathlib import Path

import soundfile as sf

from audiodet.audio.io import read_blocks
from audiodet.errors import AudioError
from tortures.mutations import mutated
from tortures.result import Result
from tortures.sounds import RATE, sound

CONTAINERS = {  # suffix: (format, subtype) as libsndfile calls them
    "wav": ("WAV", "PCM_16"),
    "24.wav": ("WAV", "PCM_24"),
    "float.wav": ("WAV", "FLOAT"),
    "ima.wav": ("WAV", "IMA_ADPCM"),
    "ex.wav": ("WAVEX", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "voc": ("VOC", "PCM_16"),
    "svx": ("SVX", "PCM_16"),
    "ircam": ("IRCAM", "PCM_16"),
    "nist": ("NIST", "PCM_16"),
    "paf": ("PAF", "PCM_16"),
    "pvf": ("PVF", "PCM_16"),
    "mat5": ("MAT5", "PCM_16"),
    "avr": ("AVR", "PCM_16"),
}
MEMORY = 600 << 20  # bytes that a process may take beyond what it has
SECONDS = 20  # for one file
GROUP = 250  # files a process


def mutate_recordings(folder: Path, rng: random.Random, number: int) -> Result:
    """So many files, of all containers in turn."""
    result = Result(f"mutated recordings, {len(CONTAINERS)} containers")
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(_seeds(folder).items())
    paths = []
    for index in range(number):
        suffix, data = seeds[index % len(seeds)]
        path = folder / f"{index:05}.{suffix}"
        path.write_bytes(mutated(data, rng))
        paths.append(path)
    said = {"heard": 0, "refused": 0}
    while paths:
        done = _in_a_process(paths[:GROUP])
        for path, outcome in done:
            result.expect(outcome in said, f"{path}: {outcome}")
            if outcome in said:
                said[outcome] += 1
                path.unlink()
        paths = paths[len(done) :]
        if len(done) < GROUP and paths:  # its process died of the next one
            result.expect(False, f"{paths[0]}: the process died")
            paths = paths[1:]
    result.note = f"{said['heard']} heard, {said['refused']} refused"
    return result


def _seeds(folder: Path) -> dict[str, bytes]:
    """A good file of each container."""
    found = {}
    for suffix, (kind, subtype) in CONTAINERS.items():
        path = folder / f"seed.{suffix}"
        rate = 48000 if subtype == "OPUS" else RATE
        sf.write(path, sound(0.3, 1, rate), rate, subtype, format=kind)
        found[suffix] = path.read_bytes()
        path.unlink()
    return found


def _in_a_process(paths) -> list[tuple[Path, str]]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_read_all, args=(paths, there))
    process.start()
    there.close()
    done = []
    try:
        while len(done) < len(paths):
            done.append((paths[len(done)], here.recv()))
    except EOFError:
        pass
    process.join()
    return done


def _read_all(paths, pipe) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, _too_long)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    for path in paths:
        signal.alarm(SECONDS)
        pipe.send(_outcome(path))
        signal.alarm(0)
    os._exit(0)


def _too_long(*arguments):
    raise TimeoutError(f"more than {SECONDS} s")


def _outcome(path) -> str:
    try:
        for _ in read_blocks(str(path), 32000, 30.0):
            pass
    except AudioError as error:
        return "refused" if "\n" not in str(error) else f"several lines: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "heard"
