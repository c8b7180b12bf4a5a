"""``audiodet train`` from end to end, on seconds of beeps."""

import json
import shutil

import pytest
import soundfile as sf

import audiodet
from audiodet.cli import main
from audiodet.errors import AudiodetError
from audiodet.training.progress import Progress
from audiodet.weights import MODEL_FILE, read_described
from tests.training.sounds import drawn_events, write_folder, write_recording

SMALL = (
    "MODEL.FRAME_STACK.MAPS 8 MODEL.FRAME_STACK.RNN_UNITS 16 MODEL.FRAME_STACK.DROPOUT 0.0 "
    "MODEL.BACKBONE.PRECISION float32 INPUT.CROP_AUDIO.SECONDS 1.0 SOLVER.BASE_LR 0.02 "
    "SOLVER.MAX_ITER 60"
)


def words(folder, out, *more) -> list[str]:
    command = ["train", folder / "audio", folder / "labels", "-o", out, "--device", "cpu", *more]
    return list(map(str, command))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Beeps of 80 ms in recordings of two seconds."""
    return write_folder(tmp_path_factory.mktemp("beeps"), {"train": 10, "val": 4, "test": 4})


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    before = contents(folder)
    out = tmp_path_factory.mktemp("trained") / "mine"
    assert main(words(folder, out, *SMALL.split())) == 0
    assert contents(folder) == before
    return out


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_folder_is_whole(trained):
    names = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    expected = "model.safetensors config.yaml thresholds.json labels.txt README.txt "
    expected += "data/train.tsv data/val.tsv data/test.tsv test/metrics.json test/report/index.html"
    assert set(expected.split()) <= names
    assert not [name for name in names if name.endswith((".pth", ".npy", ".npz"))]
    assert json.loads((trained / "test" / "metrics.json").read_text())["sed"]["F1"] > 90
    assert f"audiodet detect RECORDINGS --model {trained}" in (trained / "README.txt").read_text()


def test_it_detects_where_it_was_moved_to(trained, tmp_path):
    """A recording that it never heard; times within 50 ms of what was written into it."""
    moved = tmp_path / "elsewhere" / "mine"
    shutil.copytree(trained, moved)
    events = drawn_events(77, 0.08, 3.0)
    write_recording(tmp_path / "new.wav", events, 3.0, seed=77)
    command = f"detect {tmp_path}/new.wav --model {moved} -o {tmp_path}/out --device cpu"
    assert main(command.split()) == 0
    rows = (tmp_path / "out" / "audiodet_events.tsv").read_text().splitlines()[1:]
    found = [row.split("\t")[1:4] for row in rows]
    assert [label for *_, label in found] == [label for *_, label in events]
    for (onset, *_), (true, *_) in zip(found, events):
        assert float(onset) == pytest.approx(true, abs=0.05)


def test_the_card_names_nothing_of_the_machine(trained, folder):
    card = read_described(str(trained / MODEL_FILE))["audiodet"]
    assert card["labels"] == ["high", "low"]
    assert str(folder) not in card["config"] and str(trained) not in card["config"]


def test_saved_again_it_answers_the_same(trained, tmp_path):
    detector = audiodet.Detector.from_pretrained(str(trained), device="cpu")
    detector.save(tmp_path / "copy")
    again = audiodet.Detector.from_pretrained(str(tmp_path / "copy"), device="cpu")
    assert again.thresholds == detector.thresholds and again.min_lengths == detector.min_lengths
    write_recording(tmp_path / "new.wav", drawn_events(5, 0.08, 2.0), 2.0)
    samples, rate = sf.read(tmp_path / "new.wav")
    assert again.detect(samples, rate) == detector.detect(samples, rate) != []


def test_stopped_and_resumed_it_ends_the_same(trained, folder, tmp_path, monkeypatch):
    """Ctrl-C after a checkpoint; then from there to the very same weights."""
    out = tmp_path / "mine"
    as_it_is = Progress.after_step

    def stop(progress):
        as_it_is(progress)
        if progress.trainer.iter == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "after_step", stop)
    assert main(words(folder, out, *SMALL.split())) == 130
    assert not (out / MODEL_FILE).exists()
    with pytest.raises(AudiodetError, match="without model.safetensors"):
        audiodet.Detector.from_pretrained(str(out))
    first = []
    monkeypatch.setattr(Progress, "before_train", lambda p: first.append(p.trainer.start_iter))
    monkeypatch.setattr(Progress, "after_step", lambda progress: None)
    assert main(words(folder, out, "--resume")) == 0
    assert 0 < first[0] <= 21
    resumed = read_described(str(out / MODEL_FILE))["model"]
    for name, tensor in read_described(str(trained / MODEL_FILE))["model"].items():
        assert tensor.equal(resumed[name]), name


def test_a_finished_folder_and_a_strangers_are_left_alone(trained, folder, tmp_path, capsys):
    before = contents(trained)
    assert main(words(folder, trained)) == 1
    assert "holds a finished detector already" in capsys.readouterr().err
    assert contents(trained) == before
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "thesis.txt").write_text("mine")
    assert main(words(folder, tmp_path)) == 1
    assert "not of audiodet train" in capsys.readouterr().err
    assert (tmp_path / "training" / "thesis.txt").read_text() == "mine"


def test_a_misspelt_key_is_said_before_anything_is_read(folder, tmp_path, capsys):
    assert main(words(folder, tmp_path / "mine", "SOLVER.MAXITER", "3")) == 1
    said = capsys.readouterr().err
    assert said == (
        "error: command line: unknown key SOLVER.MAXITER, did you mean SOLVER.MAX_ITER?\n"
    )
    assert not (tmp_path / "mine").exists()


def test_a_bad_recording_does_not_stop_the_others(folder, tmp_path, capsys):
    shutil.copytree(folder, tmp_path / "data")
    (tmp_path / "data" / "audio" / "train3.wav").write_bytes(b"RIFF no sound")
    more = [*SMALL.split(), "SOLVER.MAX_ITER", "10"]
    assert main(words(tmp_path / "data", tmp_path / "out", *more)) == 3
    assert "not used: train3.wav" in capsys.readouterr().err
    assert "train3.wav" not in (tmp_path / "out" / "data" / "train.tsv").read_text()


def test_weak_labels_give_a_frame_level_detector(tmp_path, capsys):
    """From Python. Recordings hold beeps of one pitch; 20 steps tell them apart."""
    folder = write_folder(
        tmp_path, {"train": 8, "val": 4, "test": 4}, length=0.4, seconds=3.0, weak=True
    )
    detector = audiodet.train(
        folder / "audio",
        folder / "labels",
        tmp_path / "out",
        device="cpu",
        settings=("SOLVER.MAX_ITER", "20", "SOLVER.IMS_PER_BATCH", "8"),
    )
    assert "labels without times" in capsys.readouterr().err
    assert detector.labels == ["high", "low"]
    figures = json.loads((tmp_path / "out" / "test" / "metrics.json").read_text())
    assert figures["sed"]["F1"] > 70
    assert "guess" in (tmp_path / "out" / "README.txt").read_text()


def test_a_config_of_ones_own_and_keys_win(folder, tmp_path):
    """R-CRNN instead of the recipe."""
    own = tmp_path / "own.yaml"
    base = audiodet.model_zoo.get_config_file("rcrnn/Base-RCRNN.yaml")
    own.write_text(
        f'_BASE_: "{base}"\nINPUT: {{AUDIO: {{SAMPLE_RATE: 16000}}, SPECTROGRAM: {{HOP: 64, '
        "N_FFT: 256, N_MELS: 32}}\nMODEL: {CRNN: {UNITS: 4}}\nSOLVER: {MAX_ITER: 2, "
        'VAL_PERIOD: 2, CHECKPOINT_PERIOD: 2, IMS_PER_BATCH: 4, BEST: {METRIC: ""}, '
        "EARLY_STOP: {PATIENCE: 0}}\n"
    )
    more = ["--config", own, "MODEL.ROI_BOX_HEAD.FC_DIM", "8", "--quiet"]
    assert main(words(folder, tmp_path / "out", *more)) == 0
    cfg = audiodet.Detector.from_pretrained(str(tmp_path / "out"), device="cpu").cfg
    assert cfg.MODEL.META_ARCHITECTURE == "RCRNN" and cfg.MODEL.ROI_BOX_HEAD.FC_DIM == 8
    assert cfg.SOLVER.MAX_ITER == 2 and list(cfg.DATASETS.LABELS) == ["high", "low"]


def test_bad_usage(folder, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words(folder, tmp_path / "out", "SEED"))
    assert "SEED: expected KEY VALUE pairs" in capsys.readouterr().err
    assert main(words(folder, tmp_path / "out", "SOLVER.MAXITER", "1")) == 1
    assert "unknown key SOLVER.MAXITER, did you mean SOLVER.MAX_ITER?" in capsys.readouterr().err
    assert main(words(tmp_path, tmp_path / "out")) == 1
    assert "no such file or folder, expected a folder of recordings" in capsys.readouterr().err
