"""Label tables: parsing, registration, and every way in which they can be wrong."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import soundfile as sf
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet import get_cfg
from audiodet.data.datasets import setup_datasets
from audiodet.data.datasets.custom import load_tsv, parse_spec, register_custom, register_tsv
from audiodet.data.labels.check import check_tsv
from audiodet.errors import ConfigError, DataError

HEADER = "filename\tonset\toffset\tevent_label\n"


@pytest.fixture
def audio(tmp_path):
    """Folder with a.wav of 2 s, b.wav of 3.5 s and sub/c.wav of 1 s."""
    (tmp_path / "audio" / "sub").mkdir(parents=True)
    for name, seconds in (("a.wav", 2.0), ("b.wav", 3.5), ("sub/c.wav", 1.0)):
        sf.write(tmp_path / "audio" / name, np.zeros(round(8000 * seconds)), 8000)
    return str(tmp_path / "audio")


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "labels.tsv"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


@pytest.fixture
def catalog():
    """Forget the datasets that a test registers."""
    before = set(DatasetCatalog)
    yield
    for name in set(DatasetCatalog) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def boxes(clip):
    return [(note["category_id"], note["bbox"]) for note in clip["annotations"]]


def test_strong_table_by_hand(audio, table):
    rows = "a.wav\t0.5\t1.25\tdog\nb.wav\t\t\t\na.wav\t1\t2\tcar\n"
    rows += "a.wav\t0.75\t1.5\tdog\nsub/c.wav\n"
    clips = load_tsv(table(HEADER + rows), audio, ["dog", "car"])
    assert [clip["file_name"] for clip in clips] == [
        f"{audio}/a.wav",
        f"{audio}/b.wav",
        f"{audio}/sub/c.wav",
    ]
    assert [(clip["image_id"], clip["height"], clip["width"]) for clip in clips] == [
        (0, 1, 2.0),
        (1, 1, 3.5),
        (2, 1, 1.0),
    ]
    assert boxes(clips[0]) == [
        (0, [0.5, 0.0, 1.25, 1.0]),
        (1, [1.0, 0.0, 2.0, 1.0]),
        (0, [0.75, 0.0, 1.5, 1.0]),
    ]
    assert boxes(clips[1]) == boxes(clips[2]) == []
    assert {clip["label_kind"] for clip in clips} == {"strong"}
    note = clips[0]["annotations"][0]
    assert note["iscrowd"] == 0 and note["bbox_mode"] == 0  # XYXY_ABS


def test_byte_order_mark_line_ends_column_order_and_spellings(audio, table):
    text = "\ufeffevent_label\toffset\tonset\tmore\tfilename\r\ndog\t1\t0\tx\ta.wav\r\n\r\n"
    clips = load_tsv(table(text + "dog\t2\t1.5\tx\t./a.wav\r\n"), audio)
    assert [boxes(clip) for clip in clips] == [[(0, [0, 0, 1, 1]), (0, [1.5, 0, 2, 1])]]


def test_weak_and_unlabelled_tables(audio, table):
    text = "filename\tevent_labels\na.wav\tdog, car\nb.wav\t\nsub/c.wav\tcar\n"
    weak = load_tsv(table(text), audio, ["dog", "car"])
    assert [clip["clip_labels"] for clip in weak] == [[0, 1], [], [1]]
    assert {clip["label_kind"] for clip in weak} == {"weak"}
    unlabelled = load_tsv(table("filename\na.wav\n"), audio)
    assert [clip["label_kind"] for clip in unlabelled] == ["unlabelled"]
    assert unlabelled[0]["annotations"] == [] and "clip_labels" not in unlabelled[0]


def test_offset_just_after_the_end_is_cut(audio, table, caplog):
    with caplog.at_level("INFO"):
        clips = load_tsv(table(HEADER + "a.wav\t1\t2.05\tdog\n"), audio)
    assert boxes(clips[0]) == [(0, [1.0, 0.0, 2.0, 1.0])]
    assert "labels.tsv:2: offset 2.05 s cut to the clip's 2.000 s" in caplog.text


@pytest.mark.parametrize(
    "rows, words",
    [
        ("a.wav\t1\t1\tdog\n", ":2: a.wav: onset 1 and offset 1 s, expected 0 <= onset < offset"),
        ("a.wav\t0\t1\tdog\na.wav\t2\t1\tdog\n", ":3: a.wav: onset 2 and offset 1 s"),
        ("a.wav\t-0.5\t1\tdog\n", ":2: a.wav: onset -0.5 and offset 1 s"),
        ("a.wav\tzero\t1\tdog\n", ":2: a.wav: onset is 'zero', expected a number"),
        ("a.wav\t0\tnan\tdog\n", ":2: a.wav: offset is 'nan', expected a number"),
        ("a.wav\t0\t1\n", ":2: a.wav: onset, offset, event_label are .* expected all"),
        ("a.wav\t0\t1\tcat\n", ":2: unknown label cat, expected one of dog, car"),
        ("\t0\t1\tdog\n", ":2: no file name"),
        ("a.wav\t0\t2.06\tdog\n", ":2: event 0 to 2.06 s in a.wav, expected inside .* 2.000 s"),
        ("a.wav\t2\t2.04\tdog\n", ":2: event 2 to 2.04 s in a.wav, expected inside"),
        ("x.wav\na.wav\ny.wav\n", "2 of 3 recordings missing, the first: .*x.wav, .*y.wav"),
        ("a.wav\t1\t1\tdog\n" * 3, "and 2 more: see `audiodet data check`"),
        ("", "0 clips listed, expected at least one"),
    ],
)
def test_bad_rows(audio, table, rows, words):
    with pytest.raises(DataError, match=words) as error:
        load_tsv(table(HEADER + rows), audio, ["dog", "car"])
    assert "labels.tsv" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text, words",
    [
        ("filename\tonset\tevent_label\n", "column offset missing, found .*'onset'.* expected"),
        ("filename,onset,event_label\n", "column offset missing, found .*'onset'.* expected"),
        ("filename\tonset\toffset\tsite\n", "column event_label missing, found .*'site'"),
        ("", "column filename, onset, offset, event_label missing"),
    ],
)
def test_bad_headers(audio, table, text, words):
    with pytest.raises(DataError, match=words):
        load_tsv(table(text), audio)


def test_only_the_first_five_missing_files_are_named(audio, table):
    rows = "".join(f"gone{number}.wav\n" for number in range(7))
    with pytest.raises(DataError, match="7 of 8 recordings missing.*gone4.wav") as error:
        load_tsv(table(HEADER + rows + "a.wav\n"), audio)
    assert "gone5" not in str(error.value)


def test_a_table_of_other_recordings(audio, table):
    """Three names of each side; `data check` says the same."""
    rows = "".join(f"gone{number}.wav\n" for number in range(7))
    words = "it names gone0.wav, gone1.wav, gone2.wav and 4 more; there are a.wav, b.wav, sub/c.wav"
    with pytest.raises(DataError, match=words):
        load_tsv(table(HEADER + rows), audio)
    assert words in str(check_tsv(table(HEADER + rows), audio).errors["label table"])


def test_unreadable_tables(audio, table, tmp_path):
    with pytest.raises(DataError, match="nowhere.tsv: cannot be read .No such file"):
        load_tsv(str(tmp_path / "nowhere.tsv"), audio)
    with pytest.raises(DataError, match="labels.tsv: not a text file"):
        load_tsv(table(HEADER + "a.wav\t0\t1\tdög\n", "latin-1"), audio)


def test_register_looks_at_recordings_only_when_asked(audio, table, catalog):
    register_tsv("test_lazy", table(HEADER + "a.wav\t0\t1\tdog\ngone.wav\t0\t1\tcar\n"), audio)
    meta = MetadataCatalog.get("test_lazy")
    assert meta.thing_classes == ["car", "dog"] and meta.evaluator_type == "sed"
    with pytest.raises(DataError, match="1 of 2 recordings missing"):
        DatasetCatalog.get("test_lazy")


def test_parse_spec_splits_at_the_last_colon():
    assert parse_spec("mine=C:/l.tsv:/audio") == ("mine", "C:/l.tsv", "/audio")
    for spec in ("labels.tsv:audio", "mine=labels.tsv", "=l.tsv:audio", "mine=:audio", "mine=l:"):
        with pytest.raises(ConfigError, match="expected name=labels.tsv:audio_folder"):
            parse_spec(spec)


def test_setup_from_a_config_can_be_repeated(audio, table, catalog, monkeypatch, tmp_path):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", "from the environment")
    monkeypatch.chdir(tmp_path)
    labels_tsv = table(HEADER + "a.wav\t0\t1\tdog\n")
    cfg = get_cfg()
    cfg.DATASETS.CUSTOM = (f"test_custom={labels_tsv}:{audio}",)
    cfg.DATASETS.LABELS = ("cat", "dog")
    setup_datasets(cfg)
    assert boxes(DatasetCatalog.get("test_custom")[0]) == [(1, [0.0, 0.0, 1.0, 1.0])]
    assert os.environ["AUDIODET_SOUNDBANK"] == "from the environment"
    cfg.DATASETS.SOUNDBANK = "bank"
    setup_datasets(cfg)
    assert os.environ["AUDIODET_SOUNDBANK"] == str(tmp_path / "bank")


def test_one_name_for_two_datasets(audio, table, catalog):
    labels_tsv = table(HEADER + "a.wav\t0\t1\tdog\n")
    register_custom([f"test_twice={labels_tsv}:{audio}"], ["dog"])
    with pytest.raises(ConfigError, match="test_twice is registered as .*:.*found again as .*sub"):
        register_custom([f"test_twice={labels_tsv}:{audio}/sub"], ["dog"])
    with pytest.raises(ConfigError, match="labels dog, found again .* labels dog, cat"):
        register_custom([f"test_twice={labels_tsv}:{audio}"], ["dog", "cat"])
    with pytest.raises(ConfigError, match="a built-in dataset"):
        register_custom([f"tut_rare_2017_eval={labels_tsv}:{audio}"], ["dog"])


def test_registered_inside_a_spawned_process(audio, table):
    specs = [f"test_spawned={table(HEADER + 'a.wav	0	1	dog')}:{audio}"]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, register_custom, (specs, ["dog"])) as pool:
        catalog = "__import__('detectron2.data').data.DatasetCatalog"
        clips = pool.submit(eval, f"{catalog}.get('test_spawned')").result(60)
        assert boxes(clips[0]) == [(0, [0.0, 0.0, 1.0, 1.0])]
    assert "test_spawned" not in DatasetCatalog
