"""The procedural bank: fixed by its seed, every kind in every fold."""

import filecmp
from collections import Counter

import pytest
import soundfile as sf

from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.errors import AudiodetError
from synthetic_bank import write_synthetic_bank


def test_synthetic_bank_is_fixed_by_its_seed(tmp_path):
    first, same, other = (str(tmp_path / name) for name in ("first", "same", "other"))
    for folder, seed in ((first, 5), (same, 5), (other, 6)):
        write_synthetic_bank(folder, seed=seed, clips=4, backgrounds=4)
    paths = [clip.path for clip in load_soundbank(first).clips]
    assert len(paths) == 3 * 4 + 4 + 4
    assert filecmp.cmpfiles(first, same, paths + ["soundbank.csv"], shallow=False)[1:] == ([], [])
    assert filecmp.cmpfiles(first, other, paths, shallow=False)[0] == []


def test_synthetic_bank_has_every_kind_in_every_fold(synthetic_bank):
    bank = load_soundbank(synthetic_bank)
    assert bank.labels == ["babycry", "glassbreak", "gunshot"]
    for fold in range(4):
        for label in bank.labels:
            groups = Counter(c.split_group for c in bank.select(labels=[label], folds=[fold]))
            assert len(groups) == 3 and set(groups.values()) == {2}
        assert bank.select(kind="backgrounds", folds=[fold])
        assert bank.select(kind="distractors", folds=[fold])
    for clip in bank.clips:
        info = sf.info(f"{synthetic_bank}/{clip.path}")
        assert info.samplerate == 44100 and info.duration == pytest.approx(clip.duration)
        assert "synthetic" in clip.path


def test_synthetic_bank_in_an_unwritable_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AudiodetError, match="cannot be written to"):
        write_synthetic_bank(str(tmp_path / "file" / "bank"), clips=2, backgrounds=1)
