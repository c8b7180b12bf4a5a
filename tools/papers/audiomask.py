"""AudioMask's Tables I to III on rare-mini: detectors, verifiers, their fusion, and controls."""

from collections import Counter
from dataclasses import replace
from functools import partial

from audiodet.data.datasets.rare_mini import OTHER_DRAWS
from audiodet.evaluation import results
from papers.onset_baselines import energy_onset_events, spectral_flux_events
from papers.fusion_sweep import refuse
from papers.audiomask_paper import print_table1, print_table2, print_table3
from papers.controls import control
from papers.runs import (
    CONDITIONS,
    RARE_LABELS,
    Options,
    pooled_scores,
    rare_mini_run,
    shipped_rcrnn,
    thresholds_of,
    train_all,
)
from papers.tables import (
    ER_AND_F1,
    er_and_f1,
    er_difference,
    fold_table,
    interval,
    print_table,
    print_trainings,
    short_run,
)

# (configuration, folder) of the parts; a detector is fused with its verifier.
DETECTORS = {
    "AudioMask R18": (("audiomask/R_18_FPN", "audiomask"), ("audiomask/verifier_rare", "verifier")),
    "R-CRNN": (("rcrnn/rare", "rcrnn"), ("rcrnn/frame_control", "frame_control")),
}
FUSED = {
    "AudioMask R18": ("audiomask/R_18_fused", "audiomask_fused"),
    "R-CRNN": ("rcrnn/rare_fused", "rcrnn_fused"),
}
# Detectors that another table tests alone; of the others lambda 0 says the same, without a test.
TESTED_ALONE = ("R-CRNN",)
VERIFIERS = {"AudioMask R18": "verifier", "R-CRNN": "frame-level CRNN"}
WINDOWS = {"segment": "200 frames", "box": "the box"}
WEIGHT = 0.75  # the paper's lambda
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def parts(options: Options, name: str) -> tuple[list, list]:
    """The detector's and the verifier's training of each fold; no detector's where weights ship."""
    tested = (name in TESTED_ALONE, True)
    detectors, verifiers = (
        [
            rare_mini_run(
                options.configs / f"{config}.yaml",
                folder,
                fold,
                options.root,
                test=test,
                opts=options.opts,
            )
            for fold in options.folds
        ]
        for (config, folder), test in zip(DETECTORS[name], tested)
    )
    return ([] if _ships(options, name) else detectors), verifiers


def _ships(options: Options, name: str) -> bool:
    return options.shipped and name == "R-CRNN"


def fused(options: Options, name: str) -> list:
    """Evaluations of each fold's detector with its verifier behind it."""
    config, folder = FUSED[name]
    detectors, verifiers = parts(options, name)
    weights = [run.folder / "model_final.pth" for run in detectors]
    if _ships(options, name):
        folder, weights = f"{folder}_shipped", map(shipped_rcrnn, options.folds)
    return [
        rare_mini_run(
            options.configs / f"{config}.yaml",
            folder,
            verifier.fold,
            options.root,
            opts=["MODEL.FUSION.VERIFIER", str(verifier.folder / "model_final.pth"), *options.opts],
            weights=str(path),
            tune=True,
        )
        for path, verifier in zip(weights, verifiers)
    ]


def train_systems(options: Options) -> dict:
    """{name of a detector: (detectors, verifiers, fused)}, one run a fold, all done."""
    chosen = options.detectors or DETECTORS
    systems = {name: (*parts(options, name), fused(options, name)) for name in chosen}
    for stage in range(3):
        runs = [run for system in systems.values() for run in system[stage]]
        train_all(runs, options.jobs, options.cache)
    return systems


def table1(options: Options) -> dict:
    """Every system alone and fused, and the controls, on the test sets of all folds."""
    rows, systems = {}, train_systems(options)
    for name, (_, verifiers, fusions) in systems.items():
        rows[name] = partial(_pooled, fusions, edit=partial(refuse, weight=0.0))
        rows[f"{VERIFIERS[name]} (verifier alone)"] = partial(_pooled, verifiers)
        for window, shown in WINDOWS.items():
            label = f"{name} fused, mean over {shown}"
            rows[label] = partial(
                _pooled, fusions, edit=partial(refuse, weight=WEIGHT, window=window)
            )
    for name, events in (
        ("energy onset", energy_onset_events),
        ("spectral flux", spectral_flux_events),
    ):
        rows[name] = control(options, events).__getitem__
    report = {c: {name: score(c) for name, score in rows.items()} for c in CONDITIONS}
    figures = {c: _print_rows(f"AudioMask, Table I on rare-mini, {c}", report[c]) for c in report}
    for condition in CONDITIONS:
        figures[condition].update(_differences(systems, report[condition], condition))
        figures[condition].update(_changes(systems, report[condition], condition))
    print_trainings(_all_runs(systems))
    print_table1()
    return figures


def _all_runs(systems: dict) -> list:
    return [run for system in systems.values() for runs in system for run in runs]


def _pooled(runs, condition: str, edit=list):
    """Scores of all folds, each with :func:`thresholds_of`."""
    return pooled_scores(runs, condition, thresholds_of(runs, edit), edit)


def _print_rows(title: str, rows: dict) -> dict:
    figures, table = {}, []
    for name, scores in rows.items():
        found = figures[name] = results(scores, n_bootstrap=1000)
        line = [name, f"{found['ER']:.2f}", interval(found, "ER", "-source"), f"{found['F1']:.1f}"]
        line += [f"{found[f'ER-{x}']:.2f} / {found[f'F1-{x}']:.1f}" for x in RARE_LABELS]
        table.append(line)
    print_table(title, table, ["system", "ER", "by source", "F1 %", *RARE_LABELS])
    return figures


def _differences(systems, rows: dict, condition: str) -> dict:
    """Paired differences of ER: each fused system to both of its parts, by source group."""
    found = {}
    for name in systems:
        for window in WINDOWS.values():
            whole = f"{name} fused, mean over {window}"
            for part in (name, f"{VERIFIERS[name]} (verifier alone)"):
                pair = f"{whole} - {part}"
                said = f"{condition}, paired difference of ER, {pair}"
                found[pair] = er_difference(said, rows[whole], rows[part])
    return found


def _changes(systems, rows: dict, condition: str) -> dict:
    """Clips that each fused system gets wholly right and its detector does not, and the reverse."""
    found = {}
    for name in systems:
        before = rows[name]
        for window in WINDOWS.values():
            whole = f"{name} fused, mean over {window}"
            right = [s.counts[:, :, 1:].sum(axis=(1, 2)) == 0 for s in (before, rows[whole])]
            kinds = [(clip.target, "event" if clip.reference else "empty") for clip in before.clips]
            changed = Counter(
                (*kind, "won" if after else "lost")
                for kind, was, after in zip(kinds, *right)
                if was != after
            )
            found[f"{whole}, clips"] = {" ".join(key): n for key, n in sorted(changed.items())}
            print(f"{condition}, {whole} against {name}, clips: {found[f'{whole}, clips']}")
    return found


def table2(options: Options) -> dict:
    """Lambda from 0 (the detector) to 1 (the verifier's order), for both windows."""
    systems, report, table = train_systems(options), {}, []
    for name, (_, _, fusions) in systems.items():
        for window, shown in WINDOWS.items():
            for weight in WEIGHTS:
                edit = partial(refuse, weight=weight, window=window)
                line = [name, shown, f"{weight:.2f}"]
                for condition in CONDITIONS:
                    found = results(_pooled(fusions, condition, edit), n_bootstrap=1000)
                    report[f"{name}, {window}, {weight}, {condition}"] = found
                    line += er_and_f1(found)
                table.append(line)
    headers = ["detector", "mean over", "lambda"]
    headers += [f"{c} {x}" for c in CONDITIONS for x in ER_AND_F1]
    print_table(
        "AudioMask, Table II on rare-mini: lambda (the paper's best is 0.75)", table, headers
    )
    print_trainings(_all_runs(systems))
    print_table2()
    return report


def table3(options: Options) -> dict:
    """The fused systems on two further draws of test clips."""
    systems, report, table = train_systems(options), {}, []
    for name, (_, _, fusions) in systems.items():
        others = {seed: [_on_draw(run, seed) for run in fusions] for seed in OTHER_DRAWS}
        train_all([run for runs in others.values() for run in runs], options.jobs, options.cache)
        for window, shown in WINDOWS.items():
            edit = partial(refuse, weight=WEIGHT, window=window)
            thresholds = thresholds_of(fusions, edit)
            for seed, runs in others.items():
                line = [name, shown, seed]
                for condition in CONDITIONS:
                    scores = pooled_scores(runs, condition, thresholds, edit)
                    found = report[f"{name}, {window}, {seed}, {condition}"] = results(scores, 1000)
                    line += er_and_f1(found)
                table.append(line)
    headers = ["fused", "mean over", "seed"]
    headers += [f"{c} {x}" for c in CONDITIONS for x in ER_AND_F1]
    title = "AudioMask, Table III on rare-mini: two further draws of test clips. (The paper's two "
    title += "test sets share events and backgrounds with its training; these do not.)"
    print_table(title, table, headers)
    print_trainings(_all_runs(systems))
    print_table3()
    return report


def _on_draw(run, seed: int):
    names = [f"rare_mini_{condition}_fold{run.fold}_seed{seed}" for condition in CONDITIONS]
    opts = run.opts + ["DATASETS.TEST", str(names)]
    folder = run.folder.with_name(f"{run.folder.name}_seed{seed}")
    return replace(run, folder=folder, opts=opts, split=f"seed{seed}")


def anchors(options: Options) -> dict:
    """Time anchors beside detectron2's square ones: the same clips, backbone and schedule."""
    names = {
        "time anchors": ("R_18_FPN", "anchors_time"),
        "square anchors (stock)": ("stock_R_18_FPN", "anchors_square"),
    }
    rows = {
        name: short_run(options, f"audiomask/{config}", folder)
        for name, (config, folder) in names.items()
    }
    train_all(list(rows.values()), options.jobs, options.cache)
    title = "Anchors, rare-mini fold 0 (one seed, 600 iterations). The stock row also has stock "
    title += "IoU thresholds of matching, samples and proposals, and NMS instead of box voting"
    return fold_table(title, "R18-FPN with", rows, {}, [tuple(names)])
