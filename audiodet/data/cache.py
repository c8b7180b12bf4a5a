"""Log-mels of clips kept on disk, so that later epochs and later runs only read them."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from audiodet.data.mixing import rendering
from audiodet.files import atomic_path


class FeatureCache:
    """Maps (clip, front end) to an array file in one folder; safe for several processes."""

    def __init__(self, folder: str, front_end: dict):
        """
        Args:
            folder: where the arrays are kept; made when first needed.
            front_end: every setting that the arrays depend on (JSON-able).
        """
        self.folder = Path(folder)
        self.front_end = front_end

    def path(self, clip: dict) -> Path:
        """File that belongs to a dataset dict: its recipe, or its audio file as it is now."""
        if "recipe" in clip:
            source = [rendering.VERSION, clip["recipe"].to_dict()]
        else:
            status = os.stat(clip["file_name"])
            source = [os.path.abspath(clip["file_name"]), status.st_mtime_ns, status.st_size]
            source += [clip["cut_seconds"]] if "cut_seconds" in clip else []
        text = json.dumps([source, clip.get("soundbank"), self.front_end], sort_keys=True)
        name = hashlib.sha1(text.encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npy"

    def get(self, clip: dict, compute) -> np.ndarray:
        """The stored array of ``clip``, or ``compute()``, which is stored."""
        path = self.path(clip)
        try:
            return np.load(path)
        except FileNotFoundError:
            array = compute()
            with atomic_path(path) as temporary:
                np.save(temporary, array)
            return array
