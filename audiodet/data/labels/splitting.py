"""Train, validation and test sets of labelled recordings."""

from collections.abc import Mapping, Sequence

from audiodet.data.labels.rows import LabelTable

SPLITS = ("train", "val", "test")


def split_recordings(
    table: LabelTable,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    groups: Mapping[str, str] | None = None,
    seed: int = 0,
) -> list[LabelTable]:
    """Divide the recordings of a table, stratified by label; one table for each fraction.

    Args:
        fractions: of the recordings; they add up to 1.
        groups: {recording: its group}: recordings of one group stay together; None: each is alone.
        seed: the same seed and table give the same split.

    Raises:
        DataError: the fractions are none, or a label is in fewer recordings (or groups) than
            there are splits.
    """
    raise NotImplementedError
