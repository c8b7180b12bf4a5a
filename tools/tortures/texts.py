"""Mutated label files, configurations and journals: read, or refused by one line."""

import json
import random
from pathlib import Path

import soundfile as sf

from audiodet.config.loading import load_config
from audiodet.data.labels.reading import read_labels
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.errors import AudiodetError
from audiodet.events import Event
from audiodet.inference.inputs import collect
from audiodet.inference.journal import NAME, Journal
from audiodet.inference.results import read_run
from tortures.mutations import mutated
from tortures.result import Result
from tortures.sounds import RATE, sound

ROOT = Path(__file__).resolve().parents[2]
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\t"
    "Begin Path\tFile Offset (s)\tEvent Label\n"
    "1\tSpectrogram 1\t1\t0.1\t0.5\t100\t900\ta.wav\t0.1\tdog\n"
)
PARAMETERS = {"thresholds": {"dog": 0.5}, "min_lengths": {}, "floors": {"dog": 0.1}}
LABELS = {
    "strong.tsv": "filename\tonset\toffset\tevent_label\na.wav\t0.1\t0.5\tdog\nb.wav\t\t\t\n",
    "weak.tsv": 'filename\tevent_labels\na.wav\t"dog,cat"\nb.wav\tdog\n',
    "table.csv": 'file,start,end,label\na.wav,0.1,0.5,"dog, big"\nb.wav,"0,1",1:02.5,cat\n',
    "a.txt": "0.1\t0.5\tdog\n\\\t100\t900\n0.6\t0.9\tcat\n",
    "selections.txt": RAVEN,
    "all.rttm": "SPEAKER a 1 0.1 0.4 <NA> <NA> dog 0.9 <NA>\n",
    "a.jams": json.dumps(
        {
            "file_metadata": {"title": "a.wav", "duration": 1.0},
            "annotations": [
                {
                    "namespace": "tag_open",
                    "data": [{"time": 0.1, "duration": 0.4, "value": "dog", "confidence": 1}],
                }
            ],
        }
    ),
    "events.jsonl": '{"filename": "a.wav", "onset": 0.1, "offset": 0.5, "event_label": "dog"}\n',
    "a.TextGrid": 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 1\n'
    'tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n        class = "IntervalTier"\n'
    '        name = "x"\n        xmin = 0\n        xmax = 1\n        intervals: size = 1\n'
    "        intervals [1]:\n            xmin = 0.1\n            xmax = 0.5\n"
    '            text = "dog"\n',
    "a.eaf": '<?xml version="1.0"?><ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" '
    'TIME_VALUE="100"/><TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="500"/></TIME_ORDER><TIER '
    'TIER_ID="x"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" '
    'TIME_SLOT_REF2="t2"><ANNOTATION_VALUE>dog</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>'
    "</ANNOTATION></TIER></ANNOTATION_DOCUMENT>",
}
BANK = (
    "path,kind,label,split,fold,duration,onset,offset,split_group\n"
    "a.wav,events,dog,train,0,1.0,,,a\nb.wav,backgrounds,street,train,0,1.0,0,1,b\n"
)


def mutate_texts(folder: Path, rng: random.Random, number: int) -> Result:
    """So many files: label formats, a sound bank's table, a configuration, a list, a journal."""
    result = Result("mutated text inputs")
    audio = folder / "audio"
    audio.mkdir(parents=True)
    for name in ("a.wav", "b.wav"):
        sf.write(audio / name, sound(1.0, 3), RATE)
    seeds = [(name, text.encode(), _read_labels) for name, text in LABELS.items()]
    seeds += [
        ("soundbank.csv", BANK.encode(), _read_bank),
        ("tiny.yaml", (ROOT / "configs/rcrnn/table1_gru.yaml").read_bytes(), _read_config),
        ("list.txt", b"a.wav\nb.wav\n", _read_list),
        (NAME, _journal(folder / "run"), _read_journal),
    ]
    said = {"read": 0, "refused": 0}
    for index in range(number):
        name, data, read = seeds[index % len(seeds)]
        place = folder / f"{index:05}"
        place.mkdir()
        (place / name).write_bytes(mutated(data, rng))
        outcome = _outcome(read, place / name, audio)
        result.expect(outcome in said, f"{place / name}: {outcome}")
        if outcome in said:
            said[outcome] += 1
            for path in place.iterdir():
                path.unlink()
            place.rmdir()
    result.note = f"{said['read']} read, {said['refused']} refused"
    return result


def _outcome(read, path: Path, audio: Path) -> str:
    try:
        read(path, audio)
    except AudiodetError as error:
        return "refused" if "\n" not in str(error) else f"several lines: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read"


def _read_labels(path: Path, audio: Path) -> None:
    read_labels(str(path), str(audio)).require_good()


def _read_bank(path: Path, audio: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (path.parent / name).hardlink_to(audio / name)
    load_soundbank(str(path.parent))


def _read_config(path: Path, audio: Path) -> None:
    text = path.read_text(errors="surrogateescape")
    base = str(ROOT / "configs" / "rcrnn" / "")
    path.write_text(text.replace("_BASE_: ", f"_BASE_: {base}/"), errors="surrogateescape")
    load_config(str(path), ["MODEL.DEVICE", "cpu"])


def _read_list(path: Path, audio: Path) -> None:
    collect([f"@{path}"])


def _read_journal(path: Path, audio: Path) -> None:
    try:
        Journal(path.parent, PARAMETERS, resume=True).close()
    finally:
        read_run(path.parent)


def _journal(folder: Path) -> bytes:
    journal = Journal(folder, PARAMETERS, resume=False)
    for name in "abc":
        events = [Event(0.1, 0.5, "dog", 0.75)]
        journal.add(f"{name}.wav", state=[1, 2, 3, 4, "x"], duration=1.0, events=events)
    journal.add("d.wav", state=None, error="d.wav: no sound")
    journal.close()
    return (folder / NAME).read_bytes()
