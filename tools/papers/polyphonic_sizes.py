"""Çakır et al.'s Table IV and Fig. 4 on poly-mini: shapes of filters, numbers of parameters.

One seed and few iterations each, the same for every row.
"""

from papers.analysis.figures import draw_curves
from audiodet.evaluation import micro_results
from papers.polyphonic import HEADERS, SEGMENTS, SYSTEMS, score, test_clips
from papers.runs import Options, Run, train_all
from papers.tables import SHORT, parameters, print_table, print_trainings
from audiodet.visualization import save_figure

SHAPES = ((3, 3), (5, 5), (3, 11), (11, 3), (5, 1), (1, 5))  # bands, frames
# Maps of the convolutions, or units of the recurrent layers where there are none.
SIZES = {"CNN": (16, 32, 64, 96), "RNN": (32, 64, 128, 192), "CRNN": (16, 32, 64, 96)}


def table4(options: Options) -> dict:
    """The CRNN with other shapes of filters, as a table and a picture."""
    rows = {
        shape: _run(
            options,
            "CRNN",
            f"kernel_{shape[0]}x{shape[1]}",
            ["MODEL.FRAME_STACK.KERNEL", str(list(shape))],
        )
        for shape in SHAPES
    }
    train_all(list(rows.values()), options.jobs, options.cache)
    report, table, points = {}, [], {}
    for (bands, frames), run in rows.items():
        shape = f"{bands} x {frames}"
        found = report[shape] = _figures(run)
        points[shape] = [(found["parameters"], found["frame"]["F1"])]
        table.append([shape, f"{found['parameters']:,}", *_cells(found)])
    title = "CRNN, Table IV on poly-mini: bands x frames of the filters (one seed, 600 iterations)"
    print_table(title, table, ["filters", "parameters", *HEADERS])
    print_trainings(rows.values())
    _draw(points, options.root / "crnn-table4.png")
    return report


def figure4(options: Options) -> dict:
    """Frame F1 against the number of parameters, as a table and docs-ready picture."""
    rows = {
        (name, size): _run(options, name, f"{name.lower()}_size{size}", _sizes(name, size))
        for name, sizes in SIZES.items()
        for size in sizes
    }
    train_all(list(rows.values()), options.jobs, options.cache)
    report, table, curves = {}, [], {name: [] for name in SIZES}
    for (name, size), run in rows.items():
        found = report[f"{name} {size}"] = _figures(run)
        curves[name].append((found["parameters"], found["frame"]["F1"]))
        table.append([name, size, f"{found['parameters']:,}", *_cells(found)])
    title = "CRNN, Fig. 4 on poly-mini: parameters against accuracy (one seed, 600 iterations)"
    print_table(title, table, ["system", "maps or units", "parameters", *HEADERS])
    print_trainings(rows.values())
    _draw(curves, options.root / "crnn-figure4.png")
    return report


def _draw(curves: dict, path) -> None:
    save_figure(draw_curves(curves, "parameters", "frame F1 (%)", log_x=True), path)
    print(f"\npicture: {path}")


def _sizes(name: str, size: int) -> list[str]:
    keys = ("RNN_UNITS", "FC_UNITS") if name == "RNN" else ("MAPS", "RNN_UNITS", "FC_UNITS")
    return [x for key in keys for x in (f"MODEL.FRAME_STACK.{key}", str(size))]


def _run(options: Options, system: str, name: str, opts) -> Run:
    config, _ = SYSTEMS[system]
    folder = options.root / f"poly_{name}"
    return Run(options.configs / f"{config}.yaml", folder, 0, [*SHORT, *opts, *options.opts])


def _figures(run: Run) -> dict:
    found = {segment: micro_results(score(test_clips(run), s)) for segment, s in SEGMENTS.items()}
    return {"parameters": parameters(run), **found}


def _cells(found: dict) -> list[str]:
    return [f"{found[s][x]:.{n}f}" for s in SEGMENTS for x, n in (("F1", 1), ("ER", 2))]
