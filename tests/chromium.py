"""Headless Chromium for tests of pages, where there is one."""

import os
import shutil
from contextlib import contextmanager

import pytest

MISSING = "no Chromium: apt install chromium, or set AUDIODET_CHROMIUM; and pip install playwright"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


def chromium() -> str | None:
    """Path of a Chromium: the one that is named, the system's, or playwright's own."""
    candidates = [os.environ.get("AUDIODET_CHROMIUM"), *map(shutil.which, NAMES)]
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    for path in filter(None, candidates):
        return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if os.path.exists(own) else None


@contextmanager
def browser():
    """A browser; the test is skipped, and says what to install, where there is none."""
    path = chromium()
    if path is None:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS, headless=True)
        try:
            yield started
        finally:
            started.close()
