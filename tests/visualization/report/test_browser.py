"""The page in headless Chromium: what a listener does with it, and what comes out."""

import re
import time
from pathlib import Path

import pytest

from audiodet.cli import main
from audiodet.data.labels.reading import read_labels
from tests.chromium import browser
from tests.visualization.report.runs import EVENTS, TRUTH, write_run


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with recordings, a run and its page, with truth."""
    folder = tmp_path_factory.mktemp("page")
    run = write_run(folder)
    (folder / "truth.tsv").write_text(TRUTH)
    assert main(["report", str(run), "--truth", f"{folder / 'truth.tsv'}:{folder / 'audio'}"]) == 0
    assert main(["report", str(run), "-o", str(folder / "page.html")]) == 0
    return folder


def open_page(context, path: Path):
    """The page in a tab; an error of its script fails the test, so does a call to a network."""
    tab = context.new_page()
    tab.problems = []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("console", lambda line: line.type == "error" and tab.problems.append(line.text))
    tab.on("request", lambda r: r.url.startswith("http") and tab.problems.append(r.url))
    tab.goto(path.as_uri())
    return tab


@pytest.fixture
def tab(chromium, folder):
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        opened = open_page(context, folder / "run" / "report" / "index.html")
        yield opened
        assert not opened.problems


def wait_until(tab, expression: str) -> None:
    """Asks again and again: playwright's own way is refused by the page's security policy."""
    for _ in range(300):
        if tab.evaluate(expression):
            return
        time.sleep(0.05)
    raise AssertionError(f"not within 15 s: {expression}")


def rows(tab) -> list[str]:
    """Label and place of each event in the list."""
    return tab.locator(".row-text").all_inner_texts()


def slide(tab, label: str, threshold: float) -> None:
    row = tab.locator(f'.class[data-label="{label}"]')
    row.locator("[type=range]").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')) }", threshold
    )


def count(tab, label: str) -> str:
    tab.evaluate("() => new Promise(requestAnimationFrame)")
    return tab.locator(f'.class[data-label="{label}"] output').inner_text()


def exported(tab, folder: Path) -> Path:
    with tab.expect_download() as download:
        tab.click("#export")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def find(tab, label: str, recording: str, onset: str):
    """Choose the event whose row has these."""
    tab.locator(".row", has_text=re.compile(f"{label}.*{onset}.*{recording}", re.S)).click()


def test_a_slider_changes_counts_and_the_list(tab):
    assert (count(tab, "dog"), count(tab, "car")) == ("3 of 5", "2 of 2")
    tab.select_option("#order", "high")
    misses = 2
    assert len(rows(tab)) == 5 + misses
    slide(tab, "dog", 0.25)
    assert (count(tab, "dog"), count(tab, "car")) == ("4 of 5", "2 of 2")
    assert len(rows(tab)) == 6 + misses - 1  # what is found now is no miss
    slide(tab, "dog", 1)
    assert count(tab, "dog") == "0 of 5"
    tab.click("#reset")
    assert count(tab, "dog") == "3 of 5"


def test_the_player_plays_the_clip(tab):
    find(tab, "dog", "yard.wav", "0:10.00")
    wait_until(tab, "document.getElementById('player').duration > 0")
    assert tab.evaluate("document.getElementById('player').duration") == pytest.approx(5, abs=0.05)
    tab.keyboard.press("Space")
    wait_until(tab, "document.getElementById('player').currentTime > 0.2")
    assert tab.locator("#playhead").is_visible()
    tab.keyboard.press("Space")
    assert tab.evaluate("document.getElementById('player').paused")
    assert tab.evaluate("document.getElementById('strip').naturalWidth") == 500


@pytest.mark.parametrize("page", ["run/report/index.html", "page.html"])
def test_verdicts_last_and_are_exported(chromium, folder, tmp_path, page):
    """Keep, reject, relabel, move: after a reload they are there, and the labels' reader agrees."""
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = open_page(context, folder / page)
        tab.uncheck("#go-on")
        find(tab, "dog", "yard.wav", "0:01.00")
        tab.keyboard.press("y")
        find(tab, "dog", "yard.wav", "0:10.00")
        tab.click("#reject")
        find(tab, "car", "yard.wav", "0:04.00")
        tab.fill("#label", "big <dog>")
        tab.press("#label", "Enter")
        tab.fill("#offset", "5.25")
        tab.press("#offset", "Enter")
        find(tab, "dog", "street.wav", "0:06.00")
        tab.locator("h2", has_text="Classes").click()
        tab.keyboard.press("x")
        tab.reload()
        assert "4 verdicts" in tab.inner_text("#progress")
        path = exported(tab, tmp_path)
        assert not tab.problems
    table = read_labels(str(path), folder / "audio").require_good()
    events = {Path(name).name: [e[:3] for e in found] for name, found in table.events().items()}
    assert events == {
        "yard.wav": [(1.0, 2.0, "dog"), (4.0, 5.25, "big <dog>")],
        "street.wav": [],  # heard, and nothing was right
    }


def test_an_edge_is_pulled(tab, tmp_path, folder):
    find(tab, "car", "street.wav", "0:02.00")
    frame = tab.locator("#picture").bounding_box()
    edge = tab.locator("#right-edge").bounding_box()
    y = edge["y"] + edge["height"] / 2
    tab.mouse.move(edge["x"] + edge["width"] / 2, y)
    tab.mouse.down()
    tab.mouse.move(frame["x"] + frame["width"] * (4.0 / 5), y, steps=4)  # the clip is 0 to 5 s
    tab.mouse.up()
    tab.keyboard.press("a")  # the onset 50 ms earlier
    (event,) = read_labels(str(exported(tab, tmp_path)), folder / "audio").events()["street.wav"]
    assert event.onset == pytest.approx(1.95) and event.offset == pytest.approx(4.0, abs=0.02)


def test_decisions_are_taken_back(tab):
    find(tab, "dog", "yard.wav", "0:01.00")
    tab.keyboard.press("x")
    tab.keyboard.press("y")
    assert tab.locator(".row.keep").count() == tab.locator(".row.reject").count() == 1
    tab.keyboard.press("Control+z")
    tab.keyboard.press("Control+z")
    assert tab.locator(".row.keep, .row.reject").count() == 0
    assert tab.evaluate("Object.values(localStorage)[0]") == "[]"


def test_verdicts_come_back_from_their_file_only(tab, chromium, folder, tmp_path):
    find(tab, "car", "yard.wav", "0:04.00")
    tab.keyboard.press("x")
    tab.keyboard.press("2")  # the second class, on the next event
    path = exported(tab, tmp_path)
    with chromium.new_context() as context:
        other = open_page(context, folder / "run" / "report" / "index.html")
        other.set_input_files("#import", path)
        other.wait_for_selector("#message:not([hidden])")
        assert "2 verdicts taken" in other.inner_text("#message")
        assert exported(other, tmp_path / "again").read_text() == path.read_text()
        text = path.read_text()
        run = text.splitlines()[1].split("\t")[6]
        path.write_text(text.replace(run, "0123456789ab"))
        other.set_input_files("#import", path)
        wait_until(other, "document.getElementById('message').innerText.includes('nothing')")
        assert f"is of run 0123456789ab, this page is of run {run}" in other.inner_text("#message")
        assert "2 verdicts" in other.inner_text("#progress")
        path.write_text("filename\tonset\na.wav\t1\n")
        other.set_input_files("#import", path)
        wait_until(other, "document.getElementById('message').innerText.includes('column')")


def test_truth_follows_the_sliders(tab):
    tab.click("#tab-truth")
    table = tab.locator("#truth table").first
    dog = table.locator("tbody tr", has_text="dog").first

    def cells():
        tab.evaluate("() => new Promise(requestAnimationFrame)")
        return dog.locator("td").all_inner_texts()[:8]

    assert cells() == ["dog", "3", "1", "2", "2", "33.3", "33.3", "33.3"]
    slide(tab, "dog", 0.25)
    assert cells() == ["dog", "3", "2", "1", "2", "50.0", "66.7", "57.1"]
    assert "here +1 hits, 0 false alarms" in dog.inner_text()
    confusion = tab.locator(".confusion tbody tr").all_inner_texts()
    assert [row.split("\t")[1:4] for row in confusion] == [
        ["2", "1", "0"],  # a dog was taken for a car
        ["0", "1", "0"],
        ["2", "0", ""],
    ]


def test_counts_by_hour(tab):
    tab.click("#tab-hours")
    panels = tab.locator("#hours svg").evaluate_all("all => all.map(svg => svg.ariaLabel)")
    assert panels[0].startswith("dog: 3 events, 0:00: 0, 0:01: 1")
    assert len(panels) == 2


def picture(tab) -> str:
    return tab.evaluate("document.getElementById('timeline').toDataURL()")


def test_the_timeline_zooms_and_chooses(tab):
    find(tab, "dog", "yard.wav", "0:01.00")
    frame = tab.locator("#timeline").bounding_box()
    x = frame["width"] * 10.5 / 12
    tab.locator("#timeline").click(position={"x": x, "y": 11})
    assert "0:10.00 to 0:11.00" in tab.inner_text("#where")
    before = picture(tab)
    tab.keyboard.press("+")
    assert picture(tab) != before
    tab.keyboard.press("0")
    assert picture(tab) == before


@pytest.mark.parametrize("scheme, width", [("dark", 1280), ("light", 400)])
def test_nothing_is_wider_than_the_window(chromium, folder, scheme, width):
    viewport = {"width": width, "height": 800}
    with chromium.new_context(viewport=viewport, color_scheme=scheme) as context:
        tab = open_page(context, folder / "run" / "report" / "index.html")
        for name in ("review", "hours", "truth"):
            tab.click(f"#tab-{name}")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert not tab.problems


def test_names_stay_text(chromium, tmp_path):
    """Markup in a label or a file's name is shown, not run."""
    from audiodet.events import Event

    label = "<img src=x onerror=document.title='run'>"
    run = write_run(tmp_path, {"<b>a'\"&.wav": [Event(1, 2, label, 0.9)]}, {label: 0.5})
    main(["report", str(run)])
    with chromium.new_context() as context:
        tab = open_page(context, run / "report" / "index.html")
        assert label in rows(tab)[0] and "<b>a'\"&.wav" in rows(tab)[0]
        tab.click("#tab-hours")
        assert tab.locator("img[src=x]").count() == 0 and tab.title() == "run · audiodet"
        tab.click("#tab-review")
        tab.keyboard.press("y")
        path = exported(tab, tmp_path)
        assert not tab.problems
    (events,) = read_labels(str(path), tmp_path / "audio").events().values()
    assert events[0].label == label


def test_every_event_is_reached_by_keys(tab):
    """Down through the list: each row once, the last one stays."""
    tab.locator("#list").focus()
    seen = [tab.inner_text("#where")]
    for _ in range(8):
        tab.keyboard.press("ArrowDown")
        seen.append(tab.inner_text("#where"))
    total = sum(event.score >= 0.5 for found in EVENTS.values() for event in found)
    assert len(set(seen)) == total + 2  # with two misses
    assert seen[-1] == seen[-2]
