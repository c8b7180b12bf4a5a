"""The table of crowded clips on results made by hand; no model runs."""
import json

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.evaluation import ClipResult, save_clips
from audiodet.experiments import crowd
from audiodet.experiments.runs import Options
from audiodet.modeling.postprocessing import Event
from tests.conftest import ROOT


def clip(name, label, count, found):
    """A clip of ``count`` events, the first ``found`` of them detected with certainty."""
    events = [Event(4.0 * i, 4.0 * i + 1.0, label) for i in range(count)]
    sure = [event._replace(score=0.99) for event in events[:found]]
    return ClipResult(name, 30.0, events, sure, source_group=name)


def test_errors_by_how_many_events_a_clip_holds(tmp_path, capsys):
    options = Options(tmp_path, ROOT / "configs", folds=(0, 1))
    for fold in options.folds:
        run = crowd._run(options, fold)
        folder = run.folder / "inference" / f"rare_mini_crowd_fold{fold}_test"
        folder.mkdir(parents=True)
        clips = [
            clip(f"{label}{count}{fold}", label, count, found)
            for label in RARE_LABELS
            for count, found in ((1, 1), (2, 1), (6, 0), (4, 4))
        ]
        save_clips(clips, folder / "clips.jsonl")
        run.mark.write_text(json.dumps(run.signature))
    report = crowd.rare_crowd(options)
    assert {name: figures["ER"] for name, figures in report.items()} == {
        "1": 0.0, "2 or 3": 0.5, "4 to 6": 0.6,
    }  # fmt: skip
    assert "| 4 to 6             | 12" in capsys.readouterr().out
