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


def test_every_file_of_a_folder_is_accounted_for(tree, capsys):
    (tree / "music" / "notes.txt").unlink()
    (tree / "music" / "deep" / ".hidden").unlink()
    assert collect(["music"])[1] == [] and capsys.readouterr().err == ""
    unreadable = ("a.m4a", "b.M4A", "deep/c.webm", "d.wac")
    debris = ("._b.wav", "._x.mp3", ".DS_Store", "Thumbs.db", "b.wav.reapeaks", "b.asd")
    others = ("e.txt", "f.TXT", "cover.jpg")
    for name in (*unreadable, *debris, *others, "g.xyz", "README", "deep/h.Opus", "i.mp2"):
        (tree / "music" / name).touch()
    for name in ("__MACOSX", ".Trashes"):
        (tree / "music" / name).mkdir()
        (tree / "music" / name / "old.wav").touch()
    paths, problems = collect(["music", "music/b.M4A"])  # who names a file, has it tried
    assert problems == [] and [path.rpartition("/")[2] for path in paths] == [
        "a.FLAC",
        "b.wav",
        "c.mp3",
        "h.Opus",
        "i.mp2",
        "b.M4A",
    ]
    assert capsys.readouterr().err == (
        "warning: in folders, 5 recordings; not read: 2 .m4a, 1 .wac, 1 .webm (convert sound to "
        "wav or flac first); of an unknown kind: 1 no suffix, 1 .xyz; no sound: 2 .txt, 1 .jpg; "
        "passed over: 8 of macOS, Windows or a recorder (such as ._*)\n"
    )


@pytest.mark.parametrize("quiet, words", [(False, "note: in folders, 3 recordings"), (True, "")])
def test_what_is_no_sound_is_a_note(quiet, words, tree, capsys):
    (tree / "music" / "deep" / ".hidden").unlink()
    collect(["music"], quiet)
    told = capsys.readouterr().err
    assert told.startswith(words) and told.count("\n") == (not quiet)


def test_many_suffixes_are_one_line(tree, capsys):
    for number in range(100):
        (tree / "music" / f"a.x{number}").touch()
    collect(["music"])
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and len(told) < 400 and "93 others" in told


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
