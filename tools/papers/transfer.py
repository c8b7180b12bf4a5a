"""What a start brings where little is labelled: growing data sets, and a training on each."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import audiodet
from audiodet.config.node import as_arguments
from audiodet.data.mixing.recipes import Recipe
from audiodet.data.mixing.rules import make_polyphonic_recipes
from audiodet.data.mixing.soundbank import SoundBank
from audiodet.errors import DataError
from audiodet.evaluation import load_clips, score_clips
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.goals import tune_for_goal
from audiodet.evaluation.scores import results
from audiodet.files import write_text
from mixture_files import write_mixtures

CLASSES = ("dog_bark", "rooster", "sneeze")  # distractors of the bank
TEST_CLIPS = 24  # of each class
SCENE = {"sounds": (1, 1), "classes": (1, 1), "duration": 10.0, "balanced": True}
CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "own"
LOOKS = 10
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Start:
    """Where a training begins: a configuration under ``configs/own`` and what is changed in it."""

    config: str
    steps: int
    settings: dict = field(default_factory=dict)

    @property
    def pairs(self) -> tuple[str, ...]:
        """KEY VALUE pairs, with ten looks at the validation set of which the best counts."""
        period = -(-self.steps // LOOKS)
        settings = {
            "SOLVER.MAX_ITER": self.steps,
            "SOLVER.VAL_PERIOD": period,
            "SOLVER.CHECKPOINT_PERIOD": period,
            "SOLVER.BEST.METRIC": "val/total_loss",
            "SOLVER.EARLY_STOP.PATIENCE": 4,
            "TEST.BOOTSTRAP": 0,
            **self.settings,
        }
        return tuple(as_arguments(settings))


@dataclass(frozen=True)
class Task:
    """Labelled recordings, and the starts that are compared on them."""

    audio: Path
    tables: dict[int, Path]  # folder of train.tsv and test.tsv, by labels a class
    starts: dict[str, Start]


def starts(published: Path, coarse: bool) -> dict[str, Start]:
    """The starts; where not ``coarse``, steps are 5 ms from scratch and 20 ms else."""
    if coarse:
        scratch = {"INPUT.SPECTROGRAM.HOP": 640, "INPUT.SPECTROGRAM.N_FFT": 2048}
        scratch |= {"INPUT.CROP_AUDIO.SECONDS": 6.0, "MODEL.TAGGER.SHRINK_STEPS": 0}
        steps, heard = 200, {"TEST.COLLAR": 0.5}
    else:
        scratch = {}
        steps, heard = 150, {"TEST.COLLAR": 0.05, "INPUT.SPECTROGRAM.HOP": 80}
        heard |= {"MODEL.TAGGER.SHRINK_STEPS": 1, "SOLVER.IMS_PER_BATCH": 4}
    file = {"MODEL.BACKBONE.INIT_WEIGHTS": str(published)}
    return {
        "scratch": Start("fine", 400, {"TEST.COLLAR": heard["TEST.COLLAR"], **scratch}),
        "AudioSet": Start("pretrained", steps, heard | file),
        "audiodet_rare": Start("pretrained", steps, heard),
    }


def bank_task(bank: SoundBank, folder: Path, sizes: Sequence[int], given: dict) -> Task:
    """Mixtures of one sound each; the test's recordings and backgrounds are in no training."""
    recipes = {"train": [], "test": []}
    counts = {"train": max(sizes), "test": TEST_CLIPS}
    for split, part in zip(SPLITS, ("train", "val")):
        for seed, label in enumerate(CLASSES, 1):
            rules = {**SCENE, "name": f"{split}_{label}"}
            pool = bank.select(split=part)
            recipes[split] += make_polyphonic_recipes(
                pool, [label], n=counts[split], seed=seed, **rules
            )
    tables = {}
    rows = {split: _written(recipes[split], folder, bank.root, split) for split in SPLITS}
    for size in sizes:
        first = [row for row in rows["train"] if _number(row) < size]
        tables[size] = _tables(folder / f"labels_{size}", first, rows["test"])
    return Task(folder / "audio", tables, given)


def birdsong_task(source: Path, folder: Path, sizes: Sequence[int], given: dict) -> Task:
    """As many songs, in the order of the table, as give every syllable that many times."""
    rows = {split: _rows(source / f"{split}.tsv") for split in SPLITS}
    tables = {}
    for size in sizes:
        chosen = _songs(rows["train"], size)
        first = [row for row in rows["train"] if row.partition("\t")[0] in chosen]
        tables[size] = _tables(folder / f"labels_{size}", first, rows["test"])
    return Task(source / "audio", tables, given)


def _songs(rows: Sequence[str], size: int) -> set[str]:
    labels = {row.rsplit("\t", 1)[1] for row in rows}
    counts, chosen = Counter(), set()
    for row in rows:
        name, label = row.split("\t")[0], row.rsplit("\t", 1)[1]
        if name not in chosen and len(chosen) > 1 and min(counts[x] for x in labels) >= size:
            return chosen
        chosen.add(name)
        counts[label] += 1
    raise DataError(f"no syllable may occur less than {size} times, found {dict(counts)}")


def _written(recipes: Sequence[Recipe], folder: Path, root: str, split: str) -> list[str]:
    """Render into ``folder/audio`` -> rows of a table."""
    made = Path(write_mixtures(recipes, str(folder / "made"), root, 16, split, {}))
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for path in (made / "audio").iterdir():
        shutil.move(path, folder / "audio" / path.name)
    return _rows(made / "labels.tsv")


def _rows(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()[1:]


def _number(row: str) -> int:
    return int(row.split("\t")[0].rsplit("_", 1)[1].partition(".")[0])


def _tables(folder: Path, train: Sequence[str], test: Sequence[str]) -> Path:
    for split, rows in zip(SPLITS, (train, test)):
        lines = ["filename\tonset\toffset\tevent_label", *rows]
        write_text(folder / f"{split}.tsv", "\n".join(lines) + "\n")
    return folder


def trained(task: Task, size: int, name: str, output: Path) -> dict:
    """Train (unless that is done) and score the test.

    Returns:
        F1 in percent (mean of the labels) and ER, at the thresholds that training chose by a fifth
        of its recordings, and "best F1": at those that are best for the test itself.
    """
    start = task.starts[name]
    if not (output / "model.safetensors").is_file():
        config = str(CONFIGS / f"{start.config}.yaml")
        options = {"config": config, "settings": start.pairs, "quiet": True}
        audiodet.train(str(task.audio), str(task.tables[size]), output, **options)
    found = json.loads((output / "test" / "metrics.json").read_text())
    clips = load_clips(output / "test" / "clips.jsonl")
    matching = Matching(float(start.settings["TEST.COLLAR"]))
    best = tune_for_goal(clips, found["labels"], matching=matching, lengths=False)
    at_best = results(score_clips(clips, found["labels"], best.thresholds, matching=matching))
    recordings = len({row.split("\t")[0] for row in _rows(task.tables[size] / "train.tsv")})
    figures = {"recordings": recordings, "F1": found["sed"]["F1"], "ER": found["sed"]["ER"]}
    return {**figures, "best F1": at_best["F1"]}
