"""How a frame-level system's scores become events, chosen on validation clips label by label.

An event exists where the scores exceed a lower threshold, and is reported where they exceed an
upper one: both are found, with the median filter, the gaps that are joined, the shortest event and
the clip score that opens a label's gate. One setting after the other takes its best value.

Shape shorthand: S time steps, K classes, C candidates.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from audiodet.errors import ConfigError
from audiodet.evaluation.counts import Matching, of_label
from audiodet.events import Event
from audiodet.matching import hits_by_score
from audiodet.modeling.frame_events import RunRules, smooth

logger = logging.getLogger(__name__)

METRICS = ("ER", "F1", "frame F1")
MEDIANS = (0.0, 0.15, 0.3, 0.6)  # seconds
GAPS = (0.0, 0.1, 0.2, 0.4)  # seconds
LENGTHS = (0.0, 0.5, 1.0)  # of the length that 95 % of the true events reach
GATES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
QUANTILES = (0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99, 0.995)
ROUNDS = 2
WORTH = 1e-3  # what another value has to bring


@dataclass(frozen=True)
class ScoredClip:
    """One validation clip.

    Attributes:
        scores: (S, K), before any filter.
        gates: (K,) clip scores that gate a label, or None.
        edges: (S + 1,) where the steps begin and end, in seconds.
        reference: the true events.
    """

    scores: np.ndarray
    gates: np.ndarray | None
    edges: np.ndarray
    reference: list[Event]


@dataclass(frozen=True)
class FrameRule:
    """How one label's scores become events.

    Attributes:
        gate: highest clip score without events.
        median, gap, length: in steps, as in :class:`RunRules`.
        low, high: thresholds.
    """

    gate: float = 0.0
    median: int = 0
    low: float = 0.5
    gap: int = 0
    length: int = 0
    high: float = 0.5

    def events(self, clip: ScoredClip, label: int, name: str = "", grow: int = 0) -> list[Event]:
        """The candidates of a clip, whatever their score."""
        if clip.gates is not None and not clip.gates[label] > self.gate:
            return []
        scores = smooth(clip.scores[:, label : label + 1], self.median)[:, 0]
        rules = RunRules(self.gap, self.length)
        events = []
        for first, end, peak in rules.runs(scores, self.low, label):
            first = max(0, first - grow)
            end = min(len(scores), end + grow)
            events.append(Event(float(clip.edges[first]), float(clip.edges[end]), name, peak))
        return events


def tune_rules(
    clips: Sequence[ScoredClip],
    labels: Sequence[str],
    metric: str,
    matching: Matching = Matching(),
    grow: int = 0,
) -> dict[str, FrameRule]:
    """The rule of each label with the best value of one of METRICS on validation clips.

    A label without a true event keeps thresholds of 0.5, and a warning says so.

    Args:
        grow: steps by which an event is longer at either end than its run of scores.

    Raises:
        ConfigError: another metric.
    """
    if metric not in METRICS:
        raise ConfigError(f"TEST.TUNE_METRIC is {metric!r}, expected one of {', '.join(METRICS)}")
    rules = {}
    for number, label in enumerate(labels):
        if any(of_label(clip.reference, label) for clip in clips):
            rules[label] = _LabelTuner(clips, number, label, metric, matching, grow).tuned()
        else:
            logger.warning(f"no validation event of {label!r}: its thresholds stay 0.5")
            rules[label] = FrameRule()
    return rules


class _LabelTuner:
    def __init__(self, clips, number, label, metric, matching, grow):
        self.clips = clips
        self.number = number
        self.label = label
        self.metric = metric
        self.matching = matching
        self.grow = grow
        self.references = [of_label(clip.reference, label) for clip in clips]
        lengths = [x.offset - x.onset for true in self.references for x in true]
        self.true = sum(lengths) if metric == "frame F1" else len(lengths)
        self.shortest = float(np.percentile(lengths, 5))
        middle = clips[0].edges[len(clips[0].edges) // 2 - 1 :]
        self.step = float(middle[1] - middle[0])  # seconds; a clip's last step may be shorter

    def tuned(self) -> FrameRule:
        scores = np.concatenate([clip.scores[:, self.number] for clip in self.clips])
        lows = sorted({*np.quantile(scores, QUANTILES).tolist(), 0.1, 0.2, 0.3, 0.5})
        medians = sorted({round(x / self.step) for x in MEDIANS})
        gaps = sorted({int(x / self.step) for x in GAPS})
        lengths = sorted({int(x * self.shortest / self.step) for x in LENGTHS})
        stages = [
            {"low": lows, "median": medians},
            {"gate": GATES if self.clips[0].gates is not None else (0.0,)},
            {"gap": gaps, "length": lengths},
        ]
        rule = FrameRule()
        best = -np.inf
        for stage in stages * ROUNDS:
            for values in product(*stage.values()):
                tried = replace(rule, **dict(zip(stage, values)))
                value, high = self.judge(tried)
                if value > best + WORTH:
                    best = value
                    rule = replace(tried, high=high)
        logger.info(f"{self.label}: {self.metric} {best:.3f} on validation, {rule}")
        return rule

    def judge(self, rule: FrameRule) -> tuple[float, float]:
        """The metric (ER with the other sign) at the best upper threshold, and that."""
        scores = [np.zeros(0)]
        hits = [np.zeros(0)]
        sizes = [np.zeros(0)]
        for clip, reference in zip(self.clips, self.references):
            events = rule.events(clip, self.number, self.label, self.grow)
            if not events:
                continue
            if self.metric == "frame F1":
                scores.append(np.array([event.score for event in events]))
                hits.append(_covered(events, reference))
                sizes.append(np.array([event.offset - event.onset for event in events]))
            else:
                found, gains = hits_by_score(reference, events, self.matching)
                scores.append(found)
                hits.append(gains)
                sizes.append(np.ones(len(found)))
        return self.best_of(*map(np.concatenate, (scores, hits, sizes)))

    def best_of(self, scores, hits, sizes) -> tuple[float, float]:
        """(C,) scores, hits and sizes of all candidates -> see :meth:`judge`."""
        order = np.argsort(-scores, kind="stable")
        scores = scores[order]
        hits = np.concatenate([[0.0], np.cumsum(hits[order])])
        sizes = np.concatenate([[0.0], np.cumsum(sizes[order])])
        values = 2 * hits / (sizes + self.true)
        if self.metric == "ER":
            values = -(sizes + self.true - 2 * hits) / self.true
        last = np.append(scores[1:] < scores[:-1], True) if len(scores) else np.zeros(0, bool)
        values[1:][~last] = -np.inf  # of equal scores all are reported, or none
        best = int(np.argmax(values))
        above = scores[best - 1] if best else 1.0
        below = scores[best] if best < len(scores) else _below(above)
        return float(values[best]), float((above + below) / 2)


def _below(score: float) -> float:
    """What lies below the lowest score that is reported."""
    return score - min(score, 0.01)


def _covered(events: Sequence[Event], reference: Sequence[Event]) -> np.ndarray:
    """Seconds of each event in which a true one sounds."""
    seconds = np.zeros(len(events))
    for i, event in enumerate(events):
        for true in reference:
            shared = min(event.offset, true.offset) - max(event.onset, true.onset)
            seconds[i] += max(0.0, shared)
    return seconds


def as_settings(rules: dict[str, FrameRule], hop_seconds: float, gated: bool) -> dict:
    """Rules of all labels as {configuration key: a value for each label}.

    Args:
        hop_seconds: of a time step.
    """
    each = rules.values()
    settings = {
        "TEST.THRESHOLDS": [rule.high for rule in each],
        "MODEL.TAGGER.LOW_THRESHOLDS": [rule.low for rule in each],
        "MODEL.TAGGER.MEDIANS": [rule.median * hop_seconds for rule in each],
        "MODEL.TAGGER.JOIN_GAPS": [rule.gap for rule in each],
        "MODEL.TAGGER.DROP_LENGTHS": [rule.length for rule in each],
    }
    if gated:
        settings["MODEL.TFSEG.GATES"] = [rule.gate for rule in each]
    return settings
