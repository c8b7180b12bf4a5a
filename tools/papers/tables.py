"""Published tables as data: the YAML files of tools/papers/tables become trainings and rows.

A file holds tables by name; names that begin with a dot are parts that others refer to. A table:

    benchmark     one of papers.engine.BENCHMARKS, which knows how a row is scored
    title         printed above it; {folds} stands for those that were asked for
    folds, fold   folds of the benchmark that every training is done on: the default, or a fixed one
    opts          settings of all its trainings
    each          {name: values}: trainings, rows and claims are repeated for each combination
    trainings     {name: {config, folder, opts, seeds, weights, tune, shipped}}; {name of another
                  training} stands for its folder; a seed may be {seed: number, other name: value}
    rows          {label: {of: training, ...how it is scored}}; without it one for each training;
                  {ensemble of: trainings} joins what they found; {test: one of its test sets}
    columns       {header: cell}, see papers.cells
    claims        pairs of rows, the better one of the paper first
    differences   pairs of rows about which the paper claims nothing
    paper         {header: {label: figure}}: the paper's figures, in columns or rows of their own
    published     {title, headers, rows}: a table of the paper's to be read below ours
    notes         lines printed below
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from audiodet.weights import SHIPPED
from papers.runs import Options, Run, with_needed

FOLDER = Path(__file__).parent / "tables"
PLACEHOLDER = r"\{([^{}]+)\}"


@dataclass
class Row:
    """A line of a table: its trainings (of the folds or seeds) and how they are scored."""

    label: str
    runs: list[Run]
    spec: dict
    tuned_on: list[Run]  # runs that its thresholds come from, mostly its own
    members: list[list[Run]] = field(default_factory=list)  # of an ensemble, which has no runs


@dataclass
class Table:
    """A table of a data file, with its placeholders filled in.

    Attributes:
        data: the table as the file has it.
        trainings: {name: its runs, one for each fold or seed}.
        rows: its lines; of those that the options leave out there are none.
    """

    name: str
    data: dict
    trainings: dict[str, list[Run]]
    rows: list[Row]

    @property
    def runs(self) -> list[Run]:
        """Every run that a row needs, each once, what others start from first."""
        runs = []
        for row in self.rows:
            runs += [*row.runs, *row.tuned_on, *itertools.chain.from_iterable(row.members)]
        return with_needed(runs)

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """The pairs of rows under ``key`` of which both are in the table."""
        known = {row.label for row in self.rows}
        pairs = {}
        for names in _each(self.data.get("each", {})):
            for pair in fill(self.data.get(key, []), names):
                pairs[tuple(pair)] = known.issuperset(pair)
        return [pair for pair, is_known in pairs.items() if is_known]


def load_tables(folder: Path = FOLDER) -> dict[str, dict]:
    """{name: table} of every file of the folder."""
    tables = {}
    for path in sorted(folder.glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        tables.update({k: table for k, table in content.items() if not k.startswith(".")})
    return tables


def detectors(tables: dict) -> list[str]:
    """Names under "detector" of any row: what --detectors chooses from."""
    names = {}
    for data in tables.values():
        for spec in data.get("rows", {}).values():
            names[spec.get("detector")] = True
    return [name for name in names if name]


def build_table(name: str, data: dict, benchmark_opts: dict, options: Options) -> Table:
    """The table's trainings and rows as the options want them."""
    common = {**benchmark_opts, **data.get("opts", {})}
    each = data.get("each", {})
    entries = {}
    for name, spec in data.get("trainings", {}).items():  # settings of all go into each
        entries[name] = {**spec, "opts": {**common, **spec.get("opts", {})}}
    trainings = {}
    for name, spec in _repeated(entries, each):
        if options.shipped:
            spec = {**spec, **spec.get("shipped", {})}
        trainings[name] = _build_runs(data, spec, trainings, options)
    built = []
    for label, spec in _repeated(data.get("rows", entries), each):
        runs = trainings.get(spec.get("of", label), [])
        if _is_wanted(spec, runs, options):
            tuned_on = trainings.get(spec.get("thresholds of"), runs)
            members = [trainings[name] for name in spec.get("ensemble of", [])]
            built.append(Row(label, runs, spec, tuned_on, members))
    return Table(name, data, trainings, built)


def columns_of(data: dict) -> dict[str, str]:
    """{header: cell}; columns with {label} are repeated for the table's "labels"."""
    columns = {}
    for label in data.get("labels", [""]):
        columns.update(fill(data["columns"], {"label": label}))
    return columns


def _is_wanted(spec: dict, runs: list[Run], options: Options) -> bool:
    if options.detectors and spec.get("detector") not in (None, *options.detectors):
        return False
    if spec.get("beside shipped") == ("never" if options.shipped else "only"):
        return False
    if options.shipped and spec.get("beside shipped") == "where trained before":
        return all(run.done for run in runs)
    return True


def _build_runs(data, spec, trainings, options: Options) -> list[Run]:
    """A run for each fold or seed of a training."""
    if "fold" in data:
        places = [{"fold": data["fold"]}]
    elif "folds" in data:
        places = [{"fold": fold} for fold in options.folds or data["folds"]]
    else:
        seeds = spec.get("seeds", [None])
        places = [seed if isinstance(seed, dict) else {"seed": seed} for seed in seeds]
    needed = [name for name in trainings if f"{{{name}}}" in str(spec)]
    runs = []
    for i, place in enumerate(places):
        after = [trainings[name][i] for name in needed]
        folders = {name: run.folder for name, run in zip(needed, after)}
        seed = {"SEED": place["seed"]} if place.get("seed") is not None else {}
        filled = fill(spec, {**place, **folders, "shipped": SHIPPED})
        runs.append(
            Run(
                options.configs / f"{filled['config']}.yaml",
                options.root / filled["folder"],
                {**seed, **filled["opts"], **options.opts},
                place.get("fold"),
                place.get("seed"),
                after,
                weights=filled.get("weights"),
                tune=filled.get("tune", False),
            )
        )
    return runs


def _repeated(entries: dict, each: dict) -> Iterator[tuple[str, dict]]:
    """Names and entries, for each combination of ``each`` and of their own "each"."""
    for of_table in _each(each):
        for name, spec in entries.items():
            for of_entry in _each(spec.get("each", {})):
                names = {**of_table, **of_entry}
                yield fill(name, names), fill(spec, names)


def _each(values: Mapping[str, list]) -> Iterator[dict]:
    """{name: values} -> {name: value} of every combination; a value may be a mapping of names."""
    for combination in itertools.product(*values.values()):
        names = {}
        for name, value in zip(values, combination):
            names.update(value if isinstance(value, dict) else {name: value})
        yield names


def fill(value, names: Mapping):
    """A value of a data file with {name} replaced wherever the name is known.

    A text that is nothing but {name} becomes the value itself, be it a number or a list.
    """
    if isinstance(value, dict):
        return {str(fill(key, names)): fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(PLACEHOLDER, value)
    if whole and whole[1] in names:
        return names[whole[1]]
    return re.sub(PLACEHOLDER, lambda match: str(names.get(match[1], match[0])), value)
