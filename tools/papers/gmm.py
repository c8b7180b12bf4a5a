"""GMM baseline of polyphonic detection: two Gaussian mixtures a class on cepstra (scikit-learn).

The baseline of Çakır et al. (section III-C; Mesaros et al. 2016): 20 mel-frequency cepstral
coefficients with their first and second differences, without the constant of the first (59
numbers a frame); for each class a mixture of 16 Gaussians with diagonal covariance for its frames
and one for all others. A frame's score is the logistic function of their log-likelihood ratio for
each number, averaged over one second.

Shape shorthand: H mel bands, T frames, D = 59 numbers, K classes.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from detectron2.data import DatasetCatalog
from scipy.ndimage import uniform_filter1d
from scipy.special import expit
from sklearn.mixture import GaussianMixture
from tqdm import tqdm

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.data.mapper import SEDMapper
from audiodet.errors import DataError
from audiodet.evaluation.clips import reference_clips
from audiodet.modeling.frame_events import events_from_scores, step_targets
from audiodet.modeling.instances import events_from_instances

COEFFICIENTS = 20
COMPONENTS = 16
DELTA_FRAMES = 9  # of the window that differences are estimated over
SMOOTHING = 1.0  # seconds that the ratio is averaged over
TRAINING_CLIPS = 400  # of poly-mini
EVERY = 4  # every which frame of them
GRID = np.linspace(0.3, 0.9, 25)  # thresholds that validation chooses from


def cepstra(log_mel: np.ndarray) -> np.ndarray:
    """(H, T) natural-log mel power -> (T, 59)."""
    from librosa.feature import delta, mfcc

    static = mfcc(S=log_mel * (10 / np.log(10)), n_mfcc=COEFFICIENTS)
    width = {"width": DELTA_FRAMES, "mode": "nearest"}
    return np.concatenate([static[1:], delta(static, **width), delta(static, order=2, **width)]).T


class GMMBaseline:
    """Frame scores of K classes.

    Attributes:
        labels: the K classes.
        pairs: for each class its mixture and that of all other frames.
    """

    def __init__(self, labels: Sequence[str], seed: int = 0, components: int = COMPONENTS):
        self.labels = list(labels)
        self.seed = seed
        self.components = components
        self.pairs = []

    def fit(self, clips: Iterable[tuple[np.ndarray, np.ndarray]], most: int = 40000):
        """Learn from clips of (features (T, 59), truth (T, K) of zeros and ones)."""
        features, truth = (np.concatenate(part) for part in zip(*clips))
        rng = np.random.default_rng(self.seed)
        for label, active in zip(self.labels, truth.T > 0.5):
            pair = []
            for frames, kind in ((active, "with"), (~active, "without")):
                places = np.flatnonzero(frames)
                if len(places) < self.components:
                    raise DataError(
                        f"{len(places)} training frames {kind} {label}, expected at least "
                        f"{self.components}"
                    )
                places = rng.permutation(places)[:most]
                mixture = GaussianMixture(
                    self.components,
                    covariance_type="diag",
                    reg_covar=1e-3,
                    max_iter=50,
                    random_state=self.seed,
                )
                pair.append(mixture.fit(features[places]))
            self.pairs.append(pair)
        return self

    def scores(self, features: np.ndarray, seconds_per_frame: float) -> np.ndarray:
        """(T, 59) -> (T, K) in [0, 1]; 0.5 is equal likelihood of both mixtures."""
        ratios = [a.score_samples(features) - b.score_samples(features) for a, b in self.pairs]
        width = max(1, round(SMOOTHING / seconds_per_frame))
        ratios = np.stack(ratios, 1) / features.shape[1]
        return expit(uniform_filter1d(ratios, width, axis=0, mode="nearest"))

    @property
    def parameters(self) -> int:
        """Means, variances and weights of all mixtures (3,808 a class)."""
        return sum(
            m.means_.size + m.covariances_.size + m.weights_.size for p in self.pairs for m in p
        )


def gmm_clips(cfg, score: Callable) -> list:
    """poly-mini's test clips with the baseline's events; ``score`` of validation is maximised."""
    mapper = SEDMapper(cfg, is_train=False)
    records = DatasetCatalog.get("poly_mini_train")
    chosen = records[:: max(1, len(records) // TRAINING_CLIPS)][:TRAINING_CLIPS]
    model = GMMBaseline(POLY_LABELS, max(cfg.SEED, 0))
    model.fit(_frames(mapper, record) for record in tqdm(chosen, desc="GMM", unit="clip"))
    hop = mapper.log_mel.seconds_per_frame
    scored = {}
    for split in ("val", "test"):
        scored[split] = [
            (record, model.scores(cepstra(mapper.spectrogram(record)), hop))
            for record in DatasetCatalog.get(f"poly_mini_{split}")
        ]
    best = max(GRID, key=lambda threshold: score(_events("val", scored["val"], threshold, hop)))
    return _events("test", scored["test"], best, hop)


def _frames(mapper: SEDMapper, record: dict):
    """Features and truth of some frames of a clip."""
    clip = mapper(record)
    features = cepstra(clip["image"][0].numpy())
    truth = step_targets(clip["instances"], len(features), 1, 0.5, len(POLY_LABELS)).numpy()
    return features[::EVERY], truth[::EVERY]


def _events(split: str, scored, threshold: float, hop: float) -> list:
    """The clips of a split with runs of frames whose scores reach the threshold."""
    clips = reference_clips(f"poly_mini_{split}", list(POLY_LABELS))
    for record, scores in scored:
        clip = clips[record["image_id"]]
        events = events_from_scores(scores, threshold, 1, 0.5, (1, len(scores)))
        events.pred_boxes.scale(hop, 1.0)  # frames to seconds
        clip.candidates = events_from_instances(events, POLY_LABELS, clip.duration)
    return list(clips.values())
