"""Bad data from end to end: tools/train_net.py says which file and why, and leaves nothing behind.

What each reader refuses is tested beside it; here is what reaches the user.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf

from tests.permissions import obey_permissions
from tests.tiny import RATE, ROOT, run_tool, tiny_opts, write_tiny_data

HEADER = "filename\tonset\toffset\tevent_label\n"


@pytest.fixture
def data(tmp_path):
    return write_tiny_data(tmp_path / f"tiny_{tmp_path.name}", {"train": 3, "val": 1, "test": 1})


@pytest.fixture
def run(data, tmp_path, monkeypatch):
    """Trains two steps -> the one line that train_net.py ends with."""

    def train(*opts):
        opts = tiny_opts(data, tmp_path / "out", "SOLVER.MAX_ITER", 2, *opts)
        said = run_tool(monkeypatch, "--config-file", data.yaml, *opts)
        assert said.startswith("error: ") and "\n" not in said
        assert not list(tmp_path.glob("out/**/*.pth")) and not list(tmp_path.glob("out/*/*"))
        return said.removeprefix("error: ")

    return train


def wav_of(samples):
    return lambda path: sf.write(path, samples, RATE, "FLOAT")


def truncated(path):
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])


def text(content):
    return lambda path: open(path, "w", encoding="utf-8").write(content)


BROKEN = {
    "empty file": (text(""), "0 bytes"),
    "text called wav": (text("this is no sound"), "not audio"),
    "truncated": (truncated, "truncated"),
    "no samples": (wav_of(np.zeros(0)), "0 samples"),
    "not a number": (wav_of(np.full(RATE, np.nan)), "NaN"),
    "shorter than a window": (wav_of(np.zeros(500)), "500 samples at 16000 Hz"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_recording(kind, data, run):
    spoil, words = BROKEN[kind]
    path = data.audio("train", 2)  # a clip without events: no label lies outside it
    spoil(path)
    said = run()
    assert path in said and words in said


@pytest.mark.parametrize("workers", [0, 1])
def test_recording_that_breaks_while_training(workers, data, run):
    """The normalisation is measured on the first clip only, so the loader meets the bad ones."""
    for number in (1, 2):
        sf.write(data.audio("train", number), np.full(2 * RATE, np.inf), RATE, "FLOAT")
    opts = ("INPUT.SPECTROGRAM.NORMALIZE_CLIPS", 1, "DATALOADER.NUM_WORKERS", workers)
    said = run(*opts)
    assert said.split(":")[0] in (data.audio("train", 1), data.audio("train", 2))
    assert said.endswith("expected finite numbers of at most 1e+06")


@pytest.mark.parametrize(
    "table, words",
    [
        (HEADER + "train0.wav\t1.0\t0.5\ttone\n", ["train.tsv:2", "0.5"]),
        (HEADER + "train0.wav\t0.5\t1\ttone\ntrain1.wav\t1\t7.5\ttone\n", ["train.tsv:3", "7.5"]),
        (HEADER + "train0.wav\t0.5\t1.0\tdog\n", ["train.tsv:2", "dog", "burst"]),
        ("filename\tonset\tevent_label\ntrain0.wav\t0.5\ttone\n", ["train.tsv", "offset"]),
        (HEADER, ["train.tsv", "0 clips"]),
        (HEADER + "nowhere.wav\n", ["train.tsv", "nowhere.wav"]),
    ],
)
def test_broken_table(table, words, data, run):
    (data.folder / "train.tsv").write_text(table)
    said = run()
    for word in words:
        assert word in said


def test_table_with_byte_order_mark_and_dos_lines_trains(data, tmp_path, monkeypatch):
    path = data.folder / "train.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    opts = tiny_opts(data, tmp_path / "out", "SOLVER.MAX_ITER", 1)
    assert run_tool(monkeypatch, "--config-file", data.yaml, *opts) == ""
    assert (tmp_path / "out" / "model_final.pth").is_file()


def test_weak_labels_cannot_be_scored(data, tmp_path, monkeypatch):
    (data.folder / "val.tsv").write_text("filename\tevent_labels\nval0.wav\ttone\n")
    opts = tiny_opts(data, tmp_path / "out", "SOLVER.MAX_ITER", 1, test=["val"])
    said = run_tool(monkeypatch, "--config-file", data.yaml, *opts)
    assert said.startswith(f"error: {data.audio('val', 0)}: its labels are 'weak'")


def test_missing_weights(run, tmp_path):
    path = tmp_path / "nowhere.pth"
    assert run("MODEL.WEIGHTS", path) == f"{path}: no such file, expected a checkpoint"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_output_folder_that_this_user_may_not_write(below, data, tmp_path):
    folder = tmp_path / "shut"
    folder.mkdir(mode=0o555)
    command = [sys.executable, ROOT / "tools" / "train_net.py", "--config-file", data.yaml]
    result = subprocess.run(
        [*command, *tiny_opts(data, folder / below)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=obey_permissions,
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    said = f"error: OUTPUT_DIR {folder / below}: cannot be written (Permission denied)"
    assert result.stderr.splitlines()[-1] == said and os.listdir(folder) == []
