"""Which training clip comes when, for any number of workers, processes and interruptions."""

import itertools
import math
from collections.abc import Sequence

from detectron2.data.samplers import TrainingSampler
from detectron2.utils import comm
from torch.utils.data import Dataset, Sampler

from audiodet.errors import ConfigError, DataError


class EpochDataset(Dataset):
    """Clips by running number: number n is clip n % size, drawn for the (n // size)-th time.

    The running number seeds the clip's crop and augmentation, so the data of iteration i do not
    depend on the number of workers or on where a training was interrupted.
    """

    def __init__(self, clips):
        self.clips = clips

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, number: int) -> dict:
        return {**self.clips[number % len(self.clips)], "draw": number}


class SequenceDataset(EpochDataset):
    """Every sequence of every clip, by running number; see ``INPUT.SEQUENCE``.

    An item is a clip with "sequence": (number of the sequence in the clip, epoch).
    """

    def __init__(self, clips, seconds: float):
        """
        Args:
            seconds: length of a sequence.

        Raises:
            ConfigError: no clip is as long as a sequence.
        """
        longest = max(clips, key=lambda clip: clip["width"])
        if longest["width"] < seconds:
            raise ConfigError(
                f"INPUT.SEQUENCE.FRAMES lasts {seconds:.2f} s, the longest training clip "
                f"{longest['file_name']} {longest['width']:.2f} s, expected a clip of that length"
            )
        super().__init__(clips)
        self.sequences = []
        for i, clip in enumerate(clips):
            count = max(1, math.ceil(clip["width"] / seconds - 1e-9))
            self.sequences += [(i, number) for number in range(count)]

    def __len__(self):
        return len(self.sequences)

    def __getitem__(self, number: int) -> dict:
        epoch, place = divmod(number, len(self.sequences))
        clip, sequence = self.sequences[place]
        return {**self.clips[clip], "draw": number, "sequence": (sequence, epoch)}


class MixedDataset(Dataset):
    """Clips of two kinds: number 2 n + j is number n of kind j, as :class:`EpochDataset` counts."""

    def __init__(self, parts):
        """
        Args:
            parts: the clips of each of the two kinds.
        """
        self.parts = [EpochDataset(part) for part in parts]

    def __len__(self):
        return sum(map(len, self.parts))

    def __getitem__(self, number: int) -> dict:
        place, kind = divmod(number, 2)
        return {**self.parts[kind][place], "draw": number}


class ResumableSampler(TrainingSampler):
    """detectron2's infinite shuffle, started at the ``start``-th sample of all ranks."""

    def __init__(self, size: int, seed: int, start: int = 0):
        super().__init__(size, seed=seed)
        self._start = start

    def numbers(self):
        """The running numbers of all ranks from the very first one on."""
        for position, index in enumerate(self._infinite_indices()):
            yield position // self._size * self._size + index

    def __iter__(self):
        first = self._start + self._rank
        yield from itertools.islice(self.numbers(), first, None, self._world_size)


class MixedSampler(Sampler):
    """Two infinite shuffles, dealt out by a pattern that repeats with every batch of all ranks.

    A rank's share of a batch lies together, so that it holds both kinds as the batch
    does.
    """

    def __init__(self, sizes: Sequence[int], pattern: Sequence[int], seed: int, start: int = 0):
        """
        Args:
            sizes: clips of each kind.
            pattern: kind of each place in a batch.
            start: samples of all ranks that come before the first one.
        """
        self._shuffles = [ResumableSampler(n, seed + kind) for kind, n in enumerate(sizes)]
        self._pattern = tuple(pattern)
        self._start = start
        self._rank = comm.get_rank()
        self._world_size = comm.get_world_size()

    def __iter__(self):
        streams = [shuffle.numbers() for shuffle in self._shuffles]
        stream = (2 * next(streams[kind]) + kind for kind in itertools.cycle(self._pattern))
        batch = len(self._pattern)
        share = batch // self._world_size
        for place, number in enumerate(itertools.islice(stream, self._start, None), self._start):
            if place % batch // share == self._rank:
                yield number


def kind_pattern(weak_per_batch: int, batch: int, weak: int, strong: int) -> list[int]:
    """Kinds of a batch's places, 0 weak and 1 strong, the weak ones spread evenly.

    Args:
        weak_per_batch: DATALOADER.WEAK_PER_BATCH.
        batch: SOLVER.IMS_PER_BATCH.
        weak, strong: training clips of each kind.

    Raises:
        ConfigError: a batch would hold none of one kind.
        DataError: there are no clips of one kind.
    """
    if not 0 < weak_per_batch < batch:
        raise ConfigError(
            f"DATALOADER.WEAK_PER_BATCH is {weak_per_batch}, expected 0 to {batch - 1}: less than "
            f"SOLVER.IMS_PER_BATCH {batch}"
        )
    if not (weak and strong):
        raise DataError(
            f"DATASETS.TRAIN has {weak} weak and {strong} strong clips, expected both for "
            f"DATALOADER.WEAK_PER_BATCH {weak_per_batch}"
        )
    ends = [(place + 1) * weak_per_batch // batch for place in range(batch)]
    return [0 if end > begin else 1 for begin, end in zip([0, *ends], ends)]
