"""Rows on poly-mini: segments of all labels together, beside a GMM baseline."""

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.evaluation import Segments, load_clips, micro_results, score_clips
from papers.gmm import gmm_clips
from papers.pairs import label_results, micro_difference
from papers.scoring import Scoring
from papers.stored import final_thresholds
from papers.tables import Row

# In seconds. The paper's frames are 40 ms long and 20 ms apart.
SEGMENTS = {"frame": 0.02, "40 ms": 0.04, "1 s": 1.0}
EVERY = dict.fromkeys(POLY_LABELS, 0.0)


class PolyMini(Scoring):
    """F1 and ER of every training of a row, in segments of three lengths.

    A row with "baseline" is the Gaussian mixtures'.
    """

    interval = "by source"

    def scores(self, row: Row) -> dict:
        """{segment: scores of each training}."""
        if "baseline" in row.spec:
            trainings = [(self.baseline_clips(), EVERY)]
        else:
            trainings = []
            for run in row.runs:
                clips = load_clips(run.results("poly_mini_test") / "clips.jsonl")
                trainings.append((clips, final_thresholds(run)))
        scores = {}
        for name, seconds in SEGMENTS.items():
            scores[name] = [score(clips, seconds, which) for clips, which in trainings]
        return scores

    def baseline_clips(self) -> list:
        """Test clips of the GMM, with the threshold of the best F1 of validation's segments."""
        cfg = self.options.config("crnn/poly_mini")
        return gmm_clips(cfg, lambda clips: micro_results(score(clips, SEGMENTS["1 s"]))["F1"])

    def figures(self, row: Row, group: str, scores: list) -> list[dict]:
        """F1 and ER of each training, in all and by label."""
        figures = []
        for each in scores:
            in_all = micro_results(each, n_bootstrap=self.bootstrap)
            figures.append({**in_all, **label_results(each, n_bootstrap=self.bootstrap)})
        return figures

    def difference(self, a: list, b: list) -> dict:
        """Of F1 and ER, for these seeds."""
        return micro_difference(a, b, self.bootstrap)


def score(clips: list, seconds: float, thresholds=EVERY):
    """Counts of segments; of the GMM every candidate is an event, by its own threshold."""
    return score_clips(clips, POLY_LABELS, thresholds, matching=Segments(seconds))
