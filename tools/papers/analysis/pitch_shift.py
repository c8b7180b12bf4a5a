"""How well a system detects sounds whose pitch is shifted (Çakır et al. 2017, Fig. 5)."""

from collections.abc import Iterable

from detectron2.data import build_detection_test_loader
from detectron2.evaluation import inference_on_dataset

from audiodet.data.loader import dataset_view, load_dataset_dicts
from audiodet.data.mapper import SEDMapper
from audiodet.evaluation import Segments, micro_results, score_clips
from audiodet.evaluation.evaluators import SEDEvaluator


class PitchShiftMapper(SEDMapper):
    """Maps clips whose recordings are played higher or lower at the same speed (librosa)."""

    def __init__(self, cfg, semitones: float):
        super().__init__(cfg, is_train=False)
        self.semitones, self.cache = semitones, None

    def waveform(self, clip: dict):
        from librosa.effects import pitch_shift

        samples = super().waveform(clip)
        if not self.semitones:
            return samples
        return pitch_shift(samples, sr=self.log_mel.sample_rate, n_steps=self.semitones)


def pitch_shift_curve(
    cfg, model, dataset_name: str, semitones: Iterable[float], seconds: float = 0.02, limit: int = 0
) -> dict[float, dict[str, float]]:
    """{semitones: micro F1 and ER of shifted clips}; see :func:`micro_results`."""
    cfg = cfg.clone()
    cfg.merge_from_list(["TEST.BOOTSTRAP", 0, "TEST.MICRO_SECONDS", ()])
    view = dataset_view(dataset_name, cfg.DATASETS.LABELS)
    records = load_dataset_dicts([dataset_name], cfg.DATASETS.LABELS)
    records = list(records)[: limit or None]
    found = {}
    for shift in semitones:
        loader = build_detection_test_loader(
            records,
            mapper=PitchShiftMapper(cfg, shift),
            batch_size=cfg.TEST.BATCH_SIZE,
            num_workers=cfg.DATALOADER.NUM_WORKERS,
        )
        evaluator = SEDEvaluator(view, cfg)
        inference_on_dataset(model, loader, evaluator)
        decision = (evaluator.thresholds, cfg.TEST.BEST_EVENT_PER_CLIP)
        scores = score_clips(evaluator.clips, evaluator.labels, *decision, Segments(seconds))
        found[shift] = micro_results(scores)
    return found
