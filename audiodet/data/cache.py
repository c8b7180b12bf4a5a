"""Log-mels of clips kept on disk, so that later epochs and later runs only read them."""

import hashlib
import json
import logging
import os
import zipfile
from pathlib import Path

import numpy as np

from audiodet.data.mixing import rendering
from audiodet.files import atomic_path

logger = logging.getLogger(__name__)


class FeatureCache:
    """Maps (clip, front end) to an array file in one folder; safe for several processes."""

    def __init__(self, folder: str, front_end: dict):
        """
        Args:
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
        array = read_array(path)
        if array is None:
            array = compute()
            with atomic_path(path, durable=False) as temporary:
                np.save(temporary, array)
        return array


def read_array(path: Path, kind: type = np.asarray):
    """An array, or with ``kind`` dict those of an npz; None where the file is absent or damaged."""
    try:
        with open(path, "rb") as file:
            return kind(np.load(file))
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, MemoryError, zipfile.BadZipFile) as error:
        logger.warning(f"{path}: damaged ({error}), made anew")
        return None
