"""Files, folders and lists, as people name them."""

import io
import os
from types import SimpleNamespace

import pytest

from audiodet.errors import AudiodetError
from audiodet.inference import inputs
from audiodet.inference.inputs import collect


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """music/{b.wav, a.FLAC, notes.txt, deep/c.mp3}"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "music" / "deep").mkdir(parents=True)
    for name in ("b.wav", "a.FLAC", "notes.txt", "deep/c.mp3", "deep/.hidden"):
        (tmp_path / "music" / name).touch()
    return tmp_path


def test_folders_are_searched_in_order(tree):
    assert collect(["music"]) == (["music/a.FLAC", "music/b.wav", "music/deep/c.mp3"], [])


def test_files_may_have_any_name_and_come_once(tree):
    paths, problems = collect(["music/notes.txt", "music/deep/../b.wav", "music", "nowhere.wav"])
    assert paths == [
        "music/notes.txt",
        "music/deep/../b.wav",
        "music/a.FLAC",
        "music/deep/c.mp3",
        "nowhere.wav",
    ]
    assert problems == []


@pytest.mark.parametrize("separator", [b"\n", b"\0", b"\r\n"])
def test_lists(separator, tree, monkeypatch):
    data = separator.join([b"music/b.wav", b"odd \xff name.wav", b"music/deep", b""])
    (tree / "list").write_bytes(data)
    expected = ["music/b.wav", "odd \udcff name.wav", "music/deep/c.mp3"]
    assert collect(["@list"]) == (expected, [])
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert collect(["@-"]) == (expected, [])
    paths, problems = collect(["@nowhere", "music/b.wav"])
    assert paths == ["music/b.wav"] and "@nowhere" in problems[0][0]


def test_lists_that_lead_to_themselves(tree):
    """A problem, and the rest is read; a list may come twice."""
    os.symlink("one", tree / "link")
    (tree / "one").write_text("@two\nmusic/b.wav\n@one\n")
    (tree / "two").write_text("music/a.FLAC\n@link\n")
    paths, problems = collect(["@one", "@two", "@two"])
    assert paths == ["music/a.FLAC", "music/b.wav"]
    assert {path for path, _ in problems} == {"@link", "@one", "@two"}
    assert all("leads to itself" in reason for _, reason in problems)
    (tree / "self").write_text("@self")
    with pytest.raises(AudiodetError, match="@self: a list that leads to itself, expected paths"):
        collect(["@self"])


def test_sound_that_cannot_be_read_is_counted(tree, capsys):
    assert collect(["music"])[1] == [] and capsys.readouterr().err == ""
    for name in ("a.m4a", "b.M4A", "deep/c.wma", "cover.jpg"):
        (tree / "music" / name).touch()
    paths, problems = collect(["music", "music/b.M4A"])  # who names a file, has it tried
    assert paths[-1] == "music/b.M4A" and len(paths) == 4 and problems == []
    told = capsys.readouterr().err
    assert told.startswith("warning: skipped 2 .m4a, 1 .wma in folders") and told.count("\n") == 1


def test_links_to_folders_are_followed_once(tree):
    os.symlink(tree / "music", tree / "music" / "deep" / "loop")
    os.symlink(tree / "music" / "deep", tree / "again")
    os.symlink("itself", tree / "music" / "itself")
    expected = ["music/a.FLAC", "music/b.wav", "music/deep/c.mp3"]
    assert collect(["music"]) == (expected, [])
    paths, problems = collect(["."])
    found = sorted(os.path.realpath(path) for path in paths)
    assert found == sorted(str(tree / path) for path in expected) and problems == []


def test_a_folder_without_recordings(tree):
    (tree / "empty").mkdir()
    with pytest.raises(AudiodetError, match="empty: a folder without recordings, expected .*wav"):
        collect(["empty"])
    paths, problems = collect(["empty", "music"])
    assert len(paths) == 3 and problems[0][0] == "empty"
    (tree / "nothing").write_text("\n")
    with pytest.raises(AudiodetError, match="lists of inputs are empty"):
        collect(["@nothing"])


def test_a_folder_that_may_not_be_listed(tree, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if path.endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(inputs.os, "scandir", refuse)  # root may list everything
    paths, problems = collect(["music"])
    assert paths == ["music/a.FLAC", "music/b.wav"]
    assert problems[0][0] == "music/deep" and "(Permission denied)" in problems[0][1]
