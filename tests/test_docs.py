"""Every command in the pages is run here as a reader would type it, or marked with its duration.

A fenced block is `sh` or `python` (run, in a folder with stand-ins for the reader's files) or
`text` (without a command). A block followed by ``<!-- takes 45 min: ... -->`` is only parsed,
unless the comment has "shortened in tests": then a training takes two iterations and a dataset has
few clips. With AUDIODET_DOCS_IN_FULL=1 marked blocks are run too, as they are printed, but for
those that install.
"""

import argparse
import multiprocessing
import os
import re
import runpy
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from audiodet import get_cfg
from tests.docs_machine import PRELOADED, furnish, obey, words_of, write_bank

ROOT = Path(__file__).resolve().parents[1]
HAS_ITS_OWN_TEST = ROOT / "docs" / "for_detectron2_users.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "datasets" / "README.md"]
PAGES += sorted(set((ROOT / "docs").glob("*.md")) - {HAS_ITS_OWN_TEST})
IN_FULL = os.environ.get("AUDIODET_DOCS_IN_FULL") == "1"
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```\n(<!-- takes .*? -->)?", re.MULTILINE)
INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )?(?:python )?(?:tools/\w+\.py|audiodet [a-z])[^`]*)`")


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    code: str
    marker: str

    @property
    def shortened(self) -> bool:
        return "shortened in tests" in self.marker and not IN_FULL

    @property
    def is_run(self) -> bool:
        if self.language == "text" or self.installs:
            return False
        return not self.marker or self.shortened or IN_FULL

    @property
    def installs(self) -> bool:
        """Whether it makes the environment that tests run in: CI does."""
        return self.language == "sh" and self.code.startswith("make ")

    def commands(self) -> list[str]:
        """Its lines, continued ones joined, without comments and the rest of a pipe's name."""
        joined = self.code.replace("\\\n", " ").splitlines()
        return [line for line in joined if line.strip()] if self.language == "sh" else []


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        line = text[: match.start()].count("\n") + 1
        found.append(Block(page, line, match[1], match[2], match[3] or ""))
    return found


BLOCKS = [block for page in PAGES for block in blocks(page)]


def block_name(block: Block) -> str:
    return f"{name_of(block.page)}:{block.line}"


def test_the_pages_have_blocks_and_every_fence_is_seen():
    assert {"sh", "python", "text"} == {block.language for block in BLOCKS}
    for page in PAGES:
        fences = page.read_text(encoding="utf-8").count("```")
        assert fences == 2 * len(blocks(page)), name_of(page)


@pytest.mark.parametrize("block", BLOCKS, ids=block_name)
def test_a_block_is_run_or_marked(block):
    assert block.language in ("sh", "python", "text"), "expected ```sh, ```python or ```text"
    if block.language == "text":
        command = re.search(r"^\s*(audiodet|python|make|pip) ", block.code, re.MULTILINE)
        assert not command, "a command in a text block"
    if block.marker:
        assert re.search(r"takes (about )?[\d.]+ (s|min|h)\b", block.marker), "expected a duration"


# -- the reader's machine --------------------------------------------------------------------


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> str:
    return write_bank(tmp_path_factory.mktemp("docs") / "bank")


@pytest.fixture(scope="module")
def machines(tmp_path_factory, bank):
    """page -> a folder with what its commands need; blocks of a page share it, in order."""
    folders = {}

    def machine(page: Path) -> Path:
        if page not in folders:
            folders[page] = tmp_path_factory.mktemp(page.stem)
            furnish(folders[page], bank)
        return folders[page]

    return machine


@pytest.fixture(scope="module")
def processes():
    """Where commands run: children of a process that has imported audiodet and no more."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.is_run], ids=block_name)
def test_the_commands_of_a_page_work(block, machines, processes):
    folder = machines(block.page)
    commands = [words_of(command, block.shortened) for command in block.commands()]
    for words in commands or [["python", "-c", block.code]]:
        log = folder / "log.txt"
        process = processes.Process(
            target=obey, args=(words, str(folder), block.shortened, str(log))
        )
        process.start()
        process.join()
        assert process.exitcode == 0, f"{shlex.join(words)}\n{log.read_text()[-3000:]}"


# -- what is not run is parsed ---------------------------------------------------------------


class Parsed(Exception):
    """A command line was accepted."""


def is_pattern(words: list[str]) -> bool:
    """Whether a command has an ellipsis or a word for a reader's own value."""
    return any(re.fullmatch(r"\.\.\.|[A-Z]|NAME|DIR|FILE|RUN|\S*\|\S*", word) for word in words)


def parse(command: str, monkeypatch) -> None:
    """Give a command's words to the program's own parser; look up configs and config keys."""
    words = shlex.split(command, comments=True)
    while re.fullmatch(r"[A-Z_]+=.*|python", words[0]):
        words = words[1:]
    if words[-1] == "--config-file":  # named in a sentence without a file
        words = words[:-1]
    program, *arguments = words
    if program.startswith("tools/"):
        assert (ROOT / program).is_file(), f"{program}: no such tool"
    for word in arguments:
        if word.startswith("configs/"):
            assert (ROOT / word).is_file(), f"{word}: no such config"
    for key in re.findall(r"(?<=\s)[A-Z]\w*(?:\.[A-Z]\w*)+(?=\s)", command):
        assert has_key(key), f"{key}: no such key"
    if is_pattern(arguments) or not arguments:
        return
    if len(arguments) == 1 and program == "audiodet":  # the name of a subcommand in a sentence
        arguments += ["--help"]
    parse_args = argparse.ArgumentParser.parse_args

    def parse_and_stop(self, args=None, namespace=None):
        try:
            parse_args(self, args, namespace)
        except SystemExit as stop:
            if stop.code:
                raise
        raise Parsed

    monkeypatch.setattr(sys, "argv", [program, *arguments])
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    with pytest.raises(Parsed):
        if program == "audiodet":
            from audiodet.cli import main

            main(arguments)
        else:
            runpy.run_path(str(ROOT / program), run_name="__main__")


def has_key(key: str) -> bool:
    node = get_cfg()
    for part in key.split("."):
        if part not in node:
            return False
        node = node[part]
    return True


def parsed_only() -> list:
    """(page, command) of marked blocks, and of commands inside sentences."""
    commands = []
    for block in BLOCKS:
        if block.marker:
            commands += [(block.page, command) for command in block.commands()]
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        commands += [(page, " ".join(text.split())) for text in INLINE.findall(prose)]
    kinds = ("python tools/", "tools/", "audiodet ")
    return [(p, c) for p, c in commands if re.sub(r"^[A-Z_]+=\S+ ", "", c).startswith(kinds)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_that_are_not_run_parse(page):
    for where, command in parsed_only():
        if where == page:
            with pytest.MonkeyPatch.context() as monkeypatch:
                parse(command, monkeypatch)


@pytest.mark.parametrize(
    "command",
    [
        "tools/reproduce.py no-such-table",
        "python tools/train_net.py --config-file configs/no_such.yaml",
        "tools/no_such_tool.py NAME",
        "python tools/train_net.py --config-file configs/rcrnn/rare.yaml SOLVER.NO_SUCH 1",
        "audiodet detect a.wav --no-such-option",
    ],
)
def test_a_command_that_is_wrong_is_seen(command, monkeypatch):
    with pytest.raises((AssertionError, SystemExit)):
        parse(command, monkeypatch)


# -- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_names_is_there(page):
    """Files of the repository, config keys, and links of the page."""
    text = page.read_text(encoding="utf-8")
    prose = FENCE.sub("", text)
    files = re.findall(r"`((?:audiodet|configs|tools|tests|docs)/[\w./*-]*)`", prose)
    missing = [name for name in files if not list(ROOT.glob(name.rstrip("/")))]
    home = "https://github.com/audiodet/audiodet/"
    links = re.findall(r"\]\(([^)]*)\)", prose)
    for link in links:
        if link.startswith(home):
            link = link.removeprefix(home).split("/", 2)[2].partition("?")[0]
            missing += [link] if not (ROOT / link).exists() else []
        elif not link.startswith(("http", "#")):
            missing += [link] if not (page.parent / link).exists() else []
    assert missing == []
    keys = re.findall(r"`((?:INPUT|MODEL|DATASETS|DATALOADER|SOLVER|TEST)(?:\.\w+)+)", prose)
    assert [key for key in keys if not has_key(key)] == []


def test_the_readme_stands_alone():
    """On a registry's page relative links lead nowhere; 30 seconds are 120 lines."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert not re.findall(r"\]\((?!https://)", text)
    assert "pip install 'audiodet" not in text and "pip install audiodet" not in text
    for sound in ("baby's cry", "breaking glass", "gunshot"):
        assert sound in text


def test_no_page_promises_a_registry():
    for page in PAGES:
        assert not re.search(r"pip install '?audiodet", page.read_text(encoding="utf-8")), page
