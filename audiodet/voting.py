"""Several detectors' candidate events of one clip joined into one list: box voting over the union.

Plain data: the members may be any systems, of any front end. Seconds throughout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audiodet.errors import ConfigError
from audiodet.events import Event


@dataclass(frozen=True)
class Voting:
    """How candidates of several members become one list (Solovyev et al. 2021, for one dimension).

    Each candidate of the union is scored anew: the weighted mean over members of the score of
    their best candidate that overlaps it, 0 where a member has none. The best is an event, from the
    mean onset to the mean offset of those best candidates, weighted by their scores and their
    members' weights. What overlaps it goes, as in NMS, and the others are scored anew without that.

    Attributes:
        weights: of each member, a number or one for each label; () weighs all alike.
        iou: candidates of a label are the same event from this IoU on.
        nms: of two candidates that overlap by more than this IoU the weaker goes.
        margin: seconds that both ends are widened by before overlaps are measured: members with
            coarse time steps place a short event beside where others see it.
    """

    weights: Sequence[float | Mapping[str, float]] = ()
    iou: float = 0.3
    nms: float = 0.3
    margin: float = 0.1

    def __post_init__(self):
        for name in ("iou", "nms"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ConfigError(f"voting: {name} is {value}, expected above 0, at most 1")
        if self.margin < 0:
            raise ConfigError(f"voting: margin is {self.margin} s, expected 0 or more")

    def weights_of(self, label: str, members: int) -> np.ndarray:
        """Weights of the members (E,) for a label, with sum 1.

        Raises:
            ConfigError: there are not as many as members, one is negative, or all are 0.
        """
        weights = self.weights or [1.0] * members
        values = [w[label] if isinstance(w, Mapping) else w for w in weights]
        if len(values) != members:
            raise ConfigError(f"voting: {len(values)} weights, expected {members}, one a member")
        if min(values) < 0 or not sum(values) > 0:
            raise ConfigError(
                f"voting: weights {values} for {label!r}, expected none below 0 and one above"
            )
        return np.array(values, dtype=float) / sum(values)

    def join(self, members: Sequence[Sequence[Event]]) -> list[Event]:
        """Candidate events of one clip, a list a member -> one list, best first.

        Raises:
            ConfigError: the weights are not the members'.
        """
        joined = []
        for label in sorted({event.label for events in members for event in events}):
            joined += self._join_label([[e for e in x if e.label == label] for x in members])
        return sorted(joined, key=lambda event: -event.score)

    def _join_label(self, members: list[list[Event]]) -> list[Event]:
        union = [event for events in members for event in events]
        owner = np.repeat(np.arange(len(members)), [len(events) for events in members])
        times = np.array([event[:2] for event in union])  # (R, 2)
        scores = np.array([event.score for event in union])
        overlaps = _overlaps(times, self.margin)
        weights = self.weights_of(union[0].label, len(members))
        # What each member's candidates say of each candidate of the union: (E, R, R).
        said = np.where(overlaps >= self.iou, scores, 0.0)
        said = np.where((owner == np.arange(len(members))[:, None])[:, None], said, 0.0)
        said *= weights[:, None, None]
        joined = []
        while True:
            votes = said.max(2)
            joint = votes.sum(0)
            best = max(range(len(union)), key=lambda i: (joint[i], scores[i]))
            if not joint[best] > 0:
                return joined
            voters = said[:, best].argmax(1)
            moved = votes[:, best] @ times[voters] / joint[best]
            onset, offset = moved.tolist()
            event = union[best]._replace(onset=onset, offset=offset, score=float(joint[best]))
            joined.append(event)
            gone = overlaps[best] > self.nms
            gone[best] = True
            said[:, gone] = 0.0  # no event of their own
            said[:, :, gone] = 0.0  # and no vote for another


def _overlaps(times: np.ndarray, margin: float) -> np.ndarray:
    """IoU of (R, 2) onsets and offsets, each widened by a margin to both sides: (R, R)."""
    onsets, offsets = times[:, 0] - margin, times[:, 1] + margin
    both = np.minimum(offsets[:, None], offsets) - np.maximum(onsets[:, None], onsets)
    either = np.maximum(offsets[:, None], offsets) - np.minimum(onsets[:, None], onsets)
    return both.clip(0) / either.clip(1e-9)
