"""R-CRNN's Tables 1 to 3: the paper's comparisons on one fold of rare-mini, one seed."""

import statistics
import time

import torch
from detectron2.modeling import build_model

from audiodet.engine.setup import load_config
from papers.runs import Options, train_all, training_minutes
from papers.tables import fold_table, print_table, short_run
from audiodet.modeling import keras_count

# Event-based ER of the paper, averaged over the three classes, development set.
PAPER_TABLE1 = {"none": 0.217, "gru": 0.213, "bigru": 0.123}
PAPER_TABLE2 = {(50, 128): 1_110_874, (50, 256): 1_250_394, (100, 256): 1_782_094}
PAPER_TABLE3 = {"scratch": 0.257, "frozen": 0.23, "fine-tuned": 0.09}


def table1(options: Options) -> dict:
    """Feature extractors: CNN alone, GRU in one direction, in both."""
    files = {"none": "table1_none", "gru": "table1_gru", "bigru": "rare"}
    rows = {
        key: short_run(options, f"rcrnn/{file}", f"table1_{key}") for key, file in files.items()
    }
    train_all(list(rows.values()), options.jobs, options.cache)
    title = "R-CRNN, Table 1 on rare-mini fold 0 (one seed, 600 iterations): recurrent layer"
    return fold_table(title, "recurrent layer", rows, PAPER_TABLE1)


def table2(options: Options) -> dict:
    """The grid of recurrent units U and hidden units M: parameter counts and speed."""
    report, table = {}, []
    for units in (50, 100):
        for hidden in (64, 128, 256, 512):
            opts = ["MODEL.CRNN.UNITS", units, "MODEL.ROI_BOX_HEAD.FC_DIM", hidden]
            count, seconds = _count_and_speed(options, opts)
            paper = PAPER_TABLE2.get((units, hidden))
            report[f"U={units} M={hidden}"] = {"parameters": count, "seconds": seconds}
            shown = f"{paper:,}" if paper else ""
            table.append([units, hidden, f"{count:,}", shown, f"{1000 * seconds:.0f}"])
    headers = ["U", "M", "parameters", "paper", "ms a 30-s clip"]
    title = "R-CRNN, Table 2: one class, parameters by the Keras rule, network time a clip"
    print_table(title, table, headers)
    return report


def _count_and_speed(options: Options, opts, repeats: int = 7):
    cfg = load_config(str(options.configs / "rcrnn" / "babycry.yaml"), [*map(str, opts)])
    model = build_model(cfg).eval()
    clip = {"image": torch.randn(1, cfg.INPUT.SPECTROGRAM.N_MELS, 1305)}
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            model([clip])
            times.append(time.perf_counter() - start)
    return keras_count(model), statistics.median(times[1:])


def table3(options: Options) -> dict:
    """Pre-training: none, a fixed pre-trained CRNN, a fine-tuned one."""
    pretrained = short_run(options, "rcrnn/pretrain", "pretrain", test=False)
    start = ["MODEL.BACKBONE.INIT_WEIGHTS", str(pretrained.folder / "model_final.pth")]
    rows = {
        "scratch": short_run(options, "rcrnn/rare", "table1_bigru"),
        "frozen": short_run(
            options, "rcrnn/table3_frozen", "table3_frozen", start, after=[pretrained]
        ),
        "fine-tuned": short_run(
            options, "rcrnn/table3_finetuned", "table3_finetuned", start, after=[pretrained]
        ),
    }
    train_all([pretrained, *rows.values()], options.jobs, options.cache)
    title = (
        "R-CRNN, Table 3 on rare-mini fold 0 (one seed, 600 iterations): clip-level pre-training"
    )
    report = fold_table(title, "CRNN", rows, PAPER_TABLE3)
    print(f"pre-training itself: {training_minutes(pretrained):.1f} min")
    return report
