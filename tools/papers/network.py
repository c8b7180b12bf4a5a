"""Rows that need no training: what a network of given sizes costs."""

import statistics
import time

import torch
from detectron2.modeling import build_model

from audiodet.engine.setup import load_config
from audiodet.modeling import keras_count
from audiodet.config.node import as_arguments
from papers.scoring import Scoring
from papers.tables import Row

FRAMES = 1305  # of a 30-s clip
REPEATS = 7


class Network(Scoring):
    """Parameters by the Keras rule and seconds a clip; a row has "opts" of the table's "config"."""

    trains = False

    def scores(self, row: Row) -> dict:
        """{"network": its figures}."""
        config = self.options.configs / f"{self.table.data['config']}.yaml"
        cfg = load_config(str(config), as_arguments(row.spec["opts"]))
        model = build_model(cfg).eval()
        clip = {"image": torch.randn(1, cfg.INPUT.SPECTROGRAM.N_MELS, FRAMES)}
        times = []
        with torch.inference_mode():
            for _ in range(REPEATS + 1):  # the first warms up
                start = time.perf_counter()
                model([clip])
                times.append(time.perf_counter() - start)
        seconds = statistics.median(times[1:])
        figures = {"parameters": keras_count(model), "seconds": seconds}
        return {"network": {**figures, "milliseconds": 1000 * seconds}}
