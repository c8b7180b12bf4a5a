"""A training that meets a full disk, a NaN, a dead loader process or a damaged file goes on."""

import errno
import os
import signal

import numpy as np
import pytest
import torch

from audiodet.data.cache import FeatureCache
from audiodet.engine.faults import LossNormalizers, last_checkpoint
from audiodet.engine.trainer import Trainer
from audiodet.errors import AudiodetError
from tests.tiny import StopAt, tiny_config, train


def one_line(error) -> str:
    said = str(error.value)
    assert "\n" not in said and len(said) < 500
    return said


def stopped(data, folder, *opts, at=8):
    """A training of 10 steps, with checkpoints after 4 and 8, that ended after step ``at``."""
    cfg = tiny_config(data, folder, *opts)
    with pytest.raises(InterruptedError):
        train(cfg, StopAt(at))
    return cfg


def test_a_loss_that_is_no_number(tiny_data, tmp_path, monkeypatch):
    cfg = tiny_config(tiny_data, tmp_path)
    step = Trainer.run_step

    def spoil(self):
        if self.iter == 5:
            bias = self.model.roi_heads.box_predictor.cls_score.bias
            bias.data.fill_(float("nan"))
        step(self)

    monkeypatch.setattr(Trainer, "run_step", spoil)
    with pytest.raises(AudiodetError, match="no finite number at iteration 5 .*BASE_LR below") as e:
        train(cfg)
    assert str(tmp_path) in one_line(e)
    monkeypatch.setattr(Trainer, "run_step", step)
    trainer, losses = train(cfg, resume=True)
    assert list(losses.total) == list(range(4, 10))


def test_a_full_disk_under_a_checkpoint(tiny_data, tmp_path, monkeypatch):
    cfg = tiny_config(tiny_data, tmp_path)
    save = torch.save

    def full(data, path):
        if data["iteration"] == 7:
            raise RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed")
        save(data, path)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(AudiodetError, match="model_0000007.pth: cannot be written .*--resume") as e:
        train(cfg)
    one_line(e)
    assert not list(tmp_path.glob(".*"))
    monkeypatch.setattr(torch, "save", save)
    assert list(train(cfg, resume=True)[1].total) == list(range(4, 10))


def test_a_full_disk_under_a_log(tiny_data, tmp_path, monkeypatch):
    step = Trainer.run_step

    def full(self):
        step(self)
        if self.iter == 5:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Trainer, "run_step", full)
    with pytest.raises(AudiodetError, match=r"cannot be written \(No space left on device\); mak"):
        train(tiny_config(tiny_data, tmp_path))


def test_a_full_disk_under_a_cache(tiny_data, tmp_path, monkeypatch):
    """In a process of the loader, whose traceback is not told."""

    save = np.save

    def full(path, array):
        if torch.utils.data.get_worker_info():
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, array)

    monkeypatch.setattr(np, "save", full)
    opts = ("DATALOADER.NUM_WORKERS", 1, "INPUT.CACHE_DIR", tmp_path / "cache")
    opts += ("INPUT.SPECTROGRAM.NORMALIZE_CLIPS", 1)
    with pytest.raises(AudiodetError, match="No space left on device") as error:
        train(tiny_config(tiny_data, tmp_path / "out", *opts))
    one_line(error)


def test_a_killed_loader_process(tiny_data, tmp_path, monkeypatch):
    cfg = tiny_config(tiny_data, tmp_path, "DATALOADER.NUM_WORKERS", 1)
    step = Trainer.run_step

    def kill(self):
        if self.iter == 5:
            for process in self._trainer._data_loader_iter._workers:
                os.kill(process.pid, signal.SIGKILL)
        step(self)

    monkeypatch.setattr(Trainer, "run_step", kill)
    with pytest.raises(AudiodetError, match="a process of the data loader died at iteration") as e:
        train(cfg)
    one_line(e)


def test_no_more_checkpoints_than_asked_for(tiny_data, tmp_path):
    """Of before and after the kill together; and no temporary files."""
    opts = ("SOLVER.CHECKPOINT_PERIOD", 2, "SOLVER.CHECKPOINTS_KEPT", 2)
    cfg = stopped(tiny_data, tmp_path, *opts, at=5)
    (tmp_path / ".model_0000007.4711.tmp.pth").write_bytes(b"half")
    (tmp_path / "model_0000000.pth").write_bytes((tmp_path / "model_0000003.pth").read_bytes())
    train(cfg, resume=True)
    names = sorted(path.name for path in tmp_path.glob("model_0*.pth"))
    assert names == ["model_0000007.pth", "model_0000009.pth"]
    assert not list(tmp_path.glob(".*.tmp*"))


@pytest.mark.parametrize("content", [b"", b"\0" * 17, b"model_0000007.pth", b"nowhere.pth"])
def test_a_damaged_last_checkpoint(content, tiny_data, tmp_path, caplog):
    """The newest whole one is continued, and that is said."""
    cfg = stopped(tiny_data, tmp_path)
    (tmp_path / "last_checkpoint").write_bytes(content)
    path = tmp_path / "model_0000007.pth"
    os.truncate(path, path.stat().st_size // 2)
    assert last_checkpoint(str(tmp_path)) == str(tmp_path / "model_0000003.pth")
    assert "expected a whole checkpoint; it goes on from" in caplog.text
    assert list(train(cfg, resume=True)[1].total) == list(range(4, 10))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", None])
def test_a_cut_cache_file_is_made_anew(content, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"1")
    clip = {"file_name": str(tmp_path / "a.wav")}
    cache = FeatureCache(str(tmp_path / "cache"), {})
    array = np.arange(1000.0)
    np.testing.assert_array_equal(cache.get(clip, lambda: array), array)
    path = cache.path(clip)
    path.write_bytes(path.read_bytes()[:500] if content is None else content)
    np.testing.assert_array_equal(cache.get(clip, lambda: array), array)
    np.testing.assert_array_equal(np.load(path), array)


def test_loss_normalizers_travel_in_checkpoints():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
    model[1].loss_normalizer = torch.tensor(7.5)
    state = LossNormalizers(model).state_dict()
    assert state == {"1": 7.5}
    other = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
    LossNormalizers(other).load_state_dict(state)
    assert other[1].loss_normalizer == 7.5
