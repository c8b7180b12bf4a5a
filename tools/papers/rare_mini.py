"""Rows on rare-mini: folds pooled, each with thresholds that were tuned on other clips."""

from collections import Counter
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from audiodet.data.datasets.rare_mini import CONDITIONS, MASKED, RARE_LABELS
from audiodet.data.mapper import SEDMapper
from audiodet.evaluation import load_clips, results, score_clips
from audiodet.evaluation.pairs import paired_bootstrap
from audiodet.voting import Voting
from papers.cells import print_table
from papers.ensembles import join_folds, scored_events
from papers.error_kinds import KINDS, changes, error_kinds
from papers.folds import (
    RULES,
    across_folds,
    at_contrast,
    chosen_folds,
    pooled,
    tune_common,
    tune_on_all,
)
from papers.fusion_sweep import refuse
from papers.onset_baselines import baseline_clips
from papers.pairs import pool_scores
from papers.runs import Run, carried_thresholds
from papers.scoring import Scoring
from papers.tables import Row

CROWDS = {"1": (1,), "2 or 3": (2, 3), "4 to 6": (4, 5, 6)}  # events in a clip


class RareMini(Scoring):
    """ER and F1 of the conditions, with intervals by clip and by source.

    Keys of a row: "baseline" instead of a training, or "ensemble of" several with their "voting";
    "lambda" and "window" of a fusion; "contrast", the weight of :func:`contrasted`; "thresholds",
    and "thresholds of" another training. Of several contrasts, and of several "weights" of the
    voting (0 leaves a member out), each fold takes what is best for the others. Thresholds:
        own      from the source groups that each training held out
        across   of each fold from the test clips of the *other* folds, which a model scored that
                 was not trained on their sources: three folds decide where a training can spare
                 two or three groups of a label. No row where there is one fold alone.
        carried  those inside the weights
        across, as carried   the latter where weights are evaluated, across elsewhere
        smoothed, smoothed in log-odds   as across, but the ER of a threshold is its mean over
                 thresholds near it: the exact best of a few dozen sources is luck for others

    and without the key across where there are several folds, own where there is one.
    """

    metric = "ER"
    interval = "by source"
    conditions = tuple(CONDITIONS)
    opts = {
        "DATASETS.TRAIN": ["rare_mini_fold{fold}_train"],
        "DATASETS.VAL": ["rare_mini_quiet_fold{fold}_val", "rare_mini_hard_fold{fold}_val"],
        "DATASETS.TEST": ["rare_mini_quiet_fold{fold}_test", "rare_mini_hard_fold{fold}_test"],
    }

    def __init__(self, table, options):
        super().__init__(table, options)
        self.clips = {}  # {label: {fold: {condition: clips}}}
        self.thresholds = {}  # {label: {fold: {label of an event: threshold}}}

    def scores(self, row: Row) -> dict:
        """{condition: pooled scores}."""
        candidates = self.candidates(row)
        if len(candidates) > 1:
            clips, thresholds = chosen_folds(candidates, row.spec["thresholds"], row.label)
        else:
            (clips,) = candidates.values()
            others = candidates
            if row.tuned_on is not row.runs:
                others = self.candidates(replace(row, runs=row.tuned_on))
            thresholds = self.tune(row, *others.values())
        if not thresholds:
            return {}
        self.clips[row.label] = clips
        self.thresholds[row.label] = thresholds
        return {c: pooled(clips, c, thresholds) for c in self.conditions}

    def candidates(self, row: Row) -> dict:
        """{weights of members and contrast: clips}, one of each that the row names."""
        contrasts = row.spec.get("contrast", 0.0)
        contrasts = contrasts if isinstance(contrasts, list) else [contrasts]
        found = {}
        for weights, clips in self.votes(row).items():
            for contrast in contrasts:
                edited = at_contrast(clips, contrast) if contrast else clips
                found[f"{weights} contrast {contrast:g}".strip()] = edited
        return found

    def votes(self, row: Row) -> dict:
        """{weights of members: clips}; of a row without members {"": clips}."""
        if not row.members:
            return {"": self.test_clips(row, row.runs)}
        alone = replace(row, members=[], spec={})
        found = [scored_events(self.test_clips(alone, each)) for each in row.members]
        voting = row.spec.get("voting", {})
        several = voting.get("weights", [1] * len(found))
        several = several if isinstance(several[0], list) else [several]
        joined = {}
        for weights in several:
            heard = [clips for clips, weight in zip(found, weights) if weight]
            rules = Voting(**{**voting, "weights": [weight for weight in weights if weight]})
            joined[" : ".join(map(str, weights))] = join_folds(heard, rules)
        return joined

    def test_clips(self, row: Row, runs: list[Run]) -> dict:
        """{fold: {condition: every test clip with all its candidates}} without contrast."""
        if "baseline" in row.spec:
            return self.baseline_clips(row.spec["baseline"], "test")
        clips = {}
        for run in runs:
            clips[run.fold] = {c: edited(row, test_clips(run, c)) for c in self.conditions}
        return clips

    def baseline_clips(self, name: str, split: str) -> dict:
        """The same of a baseline without learning."""
        mapper = SEDMapper(self.options.config("rcrnn/rare"), is_train=False)
        clips = {}
        for fold in tqdm(self.options.folds or self.table.data["folds"], unit="fold", desc=name):
            datasets = {c: f"rare_mini_{c}_fold{fold}_{split}" for c in self.conditions}
            clips[fold] = {c: baseline_clips(x, mapper, name) for c, x in datasets.items()}
        return clips

    def tune(self, row: Row, clips: dict) -> dict:
        """{fold: thresholds} by the row's rule, of clips as of :meth:`test_clips`."""
        runs = row.tuned_on
        rule = row.spec.get("thresholds", "across" if len(clips) > 1 else "own")
        if rule == "own" and "baseline" in row.spec:
            validation = self.baseline_clips(row.spec["baseline"], "val")
            return {fold: tune_common(sum(x.values(), [])) for fold, x in validation.items()}
        if rule == "own":
            files = {run.fold: run.folder / "inference" / "validation.jsonl" for run in runs}
            return {f: tune_common(edited(row, load_clips(path))) for f, path in files.items()}
        if rule in RULES or not (runs and runs[0].weights):
            return across_folds(clips, rule if rule in RULES else "across")
        carried = {run.fold: carried_thresholds(run.weights) for run in runs}
        return carried if rule == "carried" else {**carried, "all": tune_on_all(clips)}

    def figures(self, row: Row, group: str, scores) -> dict:
        """ER, F1 and intervals; AP at temporal IoU 0.5, which needs no threshold, if wanted."""
        figures = {**results(scores, n_bootstrap=self.bootstrap), "clips": len(scores.clips)}
        if "AP50" in str(self.table.data["columns"]):
            figures["AP50"] = float(np.mean([temporal_ap50(run, group) for run in row.runs]))
        return figures

    def difference(self, a, b) -> dict:
        """Of ER, of paired resamples of source groups."""
        return {"ER": paired_bootstrap(a, b, self.bootstrap, unit="source")["ER"]}

    def extras(self, scores: dict) -> dict:
        """Thresholds; "best possible" and "errors" of rows, "changes" between two."""
        report = {"thresholds": self.thresholds, "best possible": {}, "errors": {}, "changes": {}}
        for label in self.table.data.get("best possible", []):
            if label in self.clips:
                report["best possible"][label] = self.best_possible(label)
        if "errors" in self.table.data:
            report["errors"] = self.errors(self.table.data["errors"])
        for whole, part in self.table.pairs("changes"):
            for c in self.conditions:
                changed = changes(scores[part][c], scores[whole][c])
                report["changes"][f"{whole} against {part}, {c}"] = changed
                print(f"{whole} against {part}, {c}, clips: {changed}")
        return report

    def best_possible(self, label: str) -> dict:
        """{condition: ER} at the thresholds that are best for the test clips themselves.

        No result: what is left above it is the model's, not the threshold's.
        """
        clips = self.clips[label]
        best = dict.fromkeys(clips, tune_on_all(clips))
        errors = {c: pooled(clips, c, best).mean["ER"] for c in self.conditions}
        each = ", ".join(f"{c} {error:.2f}" for c, error in errors.items())
        print(f"{label}: ER at the thresholds that are best for these very clips: {each}")
        return errors

    def errors(self, label: str) -> dict:
        """{condition: {label of an event: counts of error_kinds}} of a row over all folds."""
        report = {}
        columns = (*KINDS, "false alarm")
        for c in self.conditions:
            total = report[c] = {name: Counter() for name in RARE_LABELS}
            for fold, clips in self.clips[label].items():
                for name, kinds in error_kinds(clips[c], self.thresholds[label][fold]).items():
                    total[name].update(kinds)
            lines = [[name, *map(kinds.__getitem__, columns)] for name, kinds in total.items()]
            title = f"{label}, {c}: the most confident candidate of a clip"
            print_table(title, lines, ["", *columns])
        return report


class RareMasked(RareMini):
    """The same clips under steady noise; thresholds that the weights carry know nothing of it."""

    conditions = (MASKED,)
    opts = {**RareMini.opts, "DATASETS.TEST": ["rare_mini_masked_fold{fold}_test"]}


class RareCrowd(RareMini):
    """The same by how many events a clip holds; any number may be reported of a crowded clip."""

    opts = {
        "DATASETS.TRAIN": ["rare_mini_crowd_fold{fold}_train"],
        "DATASETS.VAL": RareMini.opts["DATASETS.VAL"],
        "DATASETS.TEST": ["rare_mini_crowd_fold{fold}_test", *RareMini.opts["DATASETS.TEST"]],
    }

    def scores(self, row: Row) -> dict:
        """{how many events a clip holds, or a condition of rare-mini: pooled scores}."""
        conditions = super().scores(row)
        thresholds = self.thresholds[row.label]
        scores = {}
        for name, counts in CROWDS.items():
            folds = []
            for run in row.runs:
                clips = [x for x in test_clips(run, "crowd") if len(x.reference) in counts]
                folds.append(score_clips(clips, RARE_LABELS, thresholds[run.fold]))
            scores[name] = pool_scores(folds)
        scores.update({f"at most 1, {c}": found for c, found in conditions.items()})
        return scores


def test_clips(run: Run, condition: str) -> list:
    """Every test clip of one fold's run with all its candidate events."""
    (name,) = [name for name in run.opts["DATASETS.TEST"] if f"_{condition}_" in name]
    return load_clips(run.results(name) / "clips.jsonl")


def edited(row: Row, clips: list) -> list:
    """Clips with the scores that the row's lambda gives them."""
    if "lambda" not in row.spec:
        return clips
    return refuse(clips, row.spec["lambda"], row.spec.get("window", "segment"))


def temporal_ap50(run: Run, condition: str) -> float:
    """AP at temporal IoU 0.5 of one fold's test set, in percent."""
    key = f"rare_mini_{condition}_fold{run.fold}_test/bbox/AP50"
    return [step[key] for step in run.log if key in step][-1]
