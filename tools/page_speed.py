#!/usr/bin/env python
"""How fast the page of ``audiodet report`` is with many events: made up, drawn, and clicked on.

Recordings of faint noise with events at random places are written, a page is made of them as
``audiodet report`` does, and headless Chromium says how long its first paint and clicks take.
"""

import argparse
import os
import random
import time
from contextlib import closing
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

import numpy as np
import soundfile as sf

from audiodet.errors import AudiodetError, require_package
from audiodet.events import Event
from audiodet.inference.journal import Journal
from audiodet.inference.reading import file_state
from audiodet.visualization.report import Options, from_folder, write_report
from command_line import run_main

LABELS = ("babycry", "glassbreak", "gunshot")
RATE = 16000
FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking".split()
# From a press of the key until the frame that shows what it did.
CLICK = """async ([key, times]) => {
  const spans = [];
  for (let i = 0; i < times; i++) {
    const begin = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    spans.push(performance.now() - begin);
  }
  return spans.sort((a, b) => a - b);
}"""
SLIDE = """async (times) => {
  const slider = document.querySelector("[type=range]");
  const spans = [];
  for (let i = 0; i < times; i++) {
    slider.value = 0.2 + 0.6 * i / times;
    const begin = performance.now();
    slider.dispatchEvent(new Event("input"));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    spans.push(performance.now() - begin);
  }
  return spans.sort((a, b) => a - b);
}"""
TIMES = 50
ACTIONS = (
    ("next event", CLICK, ["j", TIMES]),
    ("keep", CLICK, ["y", TIMES]),
    ("reject", CLICK, ["x", TIMES]),
    ("slider", SLIDE, TIMES),
)
PAINT = """() => new Promise((done) => {
  const first = (list) => list.getEntriesByName("first-contentful-paint")[0].startTime;
  new PerformanceObserver((list) => done(first(list))).observe({type: "paint", buffered: true});
})"""


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output-dir", default="output/page_speed", metavar="DIR")
    parser.add_argument("--events", type=int, default=10000, help="above the thresholds (10000)")
    parser.add_argument("--recordings", type=int, default=100, help="of ten minutes (100)")
    parser.add_argument("--max-clips", type=int, default=200, help="of each class (200)")
    parser.add_argument("--chromium", default="/usr/bin/chromium", metavar="FILE")
    return parser.parse_args()


def write_run(folder: Path, events: int, recordings: int) -> Path:
    """A run with twice as many candidates as ``events``, half of them above 0.5."""
    rng = random.Random(0)
    noise = np.random.default_rng(0).normal(0, 0.01, 600 * RATE)
    audio = folder / "audio"
    audio.mkdir(parents=True, exist_ok=True)
    thresholds = dict.fromkeys(LABELS, 0.5)
    parameters = {"model": "made_up", "thresholds": thresholds, "floors": dict.fromkeys(LABELS, 0)}
    run = folder / f"run_{events}_{recordings}"
    with closing(Journal(run, parameters, resume=True)) as journal:
        for number in range(recordings):
            path = str(audio / f"day_20240501_{number // 6 % 24:02}{number % 6}000.wav")
            if not os.path.exists(path):
                sf.write(path, noise, RATE)
            found = []
            for i in range(2 * events // recordings):
                onset = rng.uniform(0, 595)
                score = rng.uniform(0.5, 1) if i % 2 else rng.uniform(0, 0.5)
                found.append(Event(onset, onset + rng.uniform(0.1, 3), rng.choice(LABELS), score))
            state = file_state(path)
            journal.add(path, state=state, duration=600.0, events=sorted(found))
    return run


def processor_time(session) -> float:
    """Milliseconds that the page's main thread has worked, whatever else the machine does."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    (seconds,) = [entry["value"] for entry in metrics if entry["name"] == "TaskDuration"]
    return 1000 * seconds


def measure(page: Path, chromium: str) -> dict[str, float]:
    """Milliseconds of the page in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        paints = []
        errors: list = []
        for _ in range(5):
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            tab.on("pageerror", lambda error: errors.append(error))
            tab.goto(page.resolve().as_uri())
            paints.append(tab.evaluate(PAINT))
            ready = tab.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
            paints[-1] = (paints[-1], ready)
        figures = {
            "first paint": sorted(paint for paint, _ in paints),
            "all in place": sorted(ready for _, ready in paints),
        }
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        for name, script, argument in ACTIONS:
            before = processor_time(session)
            figures[name] = tab.evaluate(script, argument)
            spent = (processor_time(session) - before) / TIMES
            figures[f"{name}, processor time"] = [spent]
        browser.close()
    if errors:
        raise AudiodetError(f"{page}: {errors[0]}")
    return figures


def main(args: argparse.Namespace) -> None:
    """Make the run and its page, measure, print."""
    require_package("playwright", "this measurement")
    folder = Path(args.output_dir)
    run = from_folder(write_run(folder, args.events, args.recordings))
    begin = time.monotonic()
    page = write_report(run, folder / "page", Options(args.max_clips))
    print(f"page of {args.events} events made in {time.monotonic() - begin:.0f} s")
    print(f"{page}: {page.stat().st_size / 1e6:.1f} MB, clips and strips beside it")
    for name, spans in measure(page, args.chromium).items():
        print(f"{name}: median {spans[len(spans) // 2]:.0f} ms, most {spans[-1]:.0f} ms")


if __name__ == "__main__":
    run_main(main, parse_args)
