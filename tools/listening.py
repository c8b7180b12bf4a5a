"""Mixtures to listen to: copies loud enough to hear, those with events first."""

from pathlib import Path

import numpy as np
import soundfile as sf

from audiodet.data.labels.table import read_table

PEAK = 0.5  # -6 dBFS
MOST = 12  # copies


def write_loud_copies(mixtures: Path, folder: Path) -> list[Path]:
    """Write copies whose peak is at PEAK, in place of others; their names say what sounds when."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.wav"):
        old.unlink()
    rows = read_table(mixtures / "labels.tsv").rows
    copies = []
    for row in sorted(rows, key=lambda row: row.onset is None)[:MOST]:
        what = "no_event"
        if row.onset is not None:
            what = f"{row.labels[0]}_from_{row.onset:.1f}_to_{row.offset:.1f}_s"
        samples, rate = sf.read(mixtures / "audio" / row.filename)
        copy = folder / f"{len(copies) + 1:02d}_{what}.wav"
        sf.write(copy, samples * (PEAK / max(np.abs(samples).max(), 1e-9)), rate)
        copies.append(copy)
    return copies
