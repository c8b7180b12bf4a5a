"""Labels in JSON: JAMS, exports of Label Studio, records with columns (audiodet's own lines)."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, unquote, urlparse

from audiodet.data.labels.columns import guessed_table
from audiodet.data.labels.rows import LabelTable
from audiodet.errors import DataError

JAMS = "JAMS"
LABEL_STUDIO = "Label Studio"
JSON_LINES = "JSON lines"
JSON_RECORDS = "JSON records"
EXPECTED = "expected JAMS, an export of Label Studio, or records with onset, offset and a label"
UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # before the name of a file that was uploaded


def read_json(
    path: str, text: str, recording: str, columns: Mapping[str, str] | None = None
) -> LabelTable:
    """Labels from a JSON document or JSON lines; which of the formats, its keys say.

    Args:
        recording: the name of the recording where the file names none.
        columns: see :func:`audiodet.data.labels.columns.guess_columns`.

    Raises:
        DataError: no JSON, or none of these formats.
    """
    if not text.strip():
        return LabelTable(path, "strong", format=JSON_LINES)  # no recording had an event
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _records(path, JSON_LINES, _lines(path, text), columns)
    try:
        return _document(path, content, recording, columns)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: damaged JSON ({error!r}), {EXPECTED}") from None


def _document(path: str, content, recording: str, columns) -> LabelTable:
    if isinstance(content, dict) and "file_metadata" in content and "annotations" in content:
        return _jams(path, content, recording)
    name = JSON_RECORDS
    if isinstance(content, dict):
        content = [content]
        name = JSON_LINES  # only one of them
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise DataError(f"{path}: JSON of no known form, {EXPECTED}")
    if any("annotations" in task and "data" in task for task in content):
        return _label_studio(path, content)
    if any("audio" in task and isinstance(task.get("label"), list) for task in content):
        return _label_studio_min(path, content)
    return _records(path, name, enumerate(content, 1), columns)


def _lines(path: str, text: str) -> Iterator[tuple[int, dict]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise DataError(f"{path}:{number}: {line[:40]!r} is no JSON object, {EXPECTED}")
        yield number, record


def _records(path: str, name: str, records, columns) -> LabelTable:
    records = list(records)
    header = dict.fromkeys(key for _, record in records for key in record)
    return guessed_table(path, name, list(header), records, columns)


def _jams(path: str, content: dict, recording: str) -> LabelTable:
    """Observations of all annotations, but those that scaper calls background.

    Where all have time and duration 0, they are labels of the whole clip.
    """
    recording = _jams_recording(content) or recording
    observations = []
    for annotation in content["annotations"]:
        observations += map(_observation, _rows_of(annotation["data"]))
    observations = [each for each in observations if each.pop("role") != "background"]
    if observations and not any(each["offset"] for each in observations):
        table = LabelTable(path, "weak", format=JAMS)
        labels = [each["event_label"] for each in observations]
        table.add(0, {"filename": recording, "event_labels": labels})
        return table
    table = LabelTable(path, "strong", format=JAMS)
    for fields in observations or [{}]:
        table.add(0, {"filename": recording, **fields})
    return table


def _observation(observation: dict) -> dict:
    value = observation["value"]
    value = value if isinstance(value, dict) else {"label": value}
    return {
        "onset": observation["time"],
        "offset": round(observation["time"] + observation["duration"], 9),
        "event_label": value["label"],
        "score": observation.get("confidence"),
        "role": value.get("role"),
    }


def _jams_recording(content: dict) -> str:
    """Where JAMS tools put the recording's name; the standard has no place for it."""
    metadata = content["file_metadata"]
    sandbox = content.get("sandbox") or {}
    identifiers = metadata.get("identifiers") or {}
    for place in (sandbox, identifiers):
        for key in ("filename", "file", "path", "audio"):
            if isinstance(place.get(key), str):
                return place[key]
    return ""


def _rows_of(data) -> list[dict]:
    """A JAMS annotation's observations, sparse (a list) or dense (a dict of columns)."""
    if isinstance(data, list):
        return data
    names = list(data)
    return [dict(zip(names, values)) for values in zip(*data.values())]


def _label_studio(path: str, tasks: list[dict]) -> LabelTable:
    """Regions of the first annotation of each task that was not cancelled; else its choices."""
    found = []
    several = 0
    for number, task in enumerate(tasks, 1):
        recording = _audio_of(task.get("data") or {}) or task.get("file_upload")
        done = [each for each in task.get("annotations") or [] if not each.get("was_cancelled")]
        several += len(done) > 1
        results = done[0].get("result", []) if done else None
        found.append((number, recording, results))
    table = _task_table(path, found)
    if several:
        table.notes.append(f"{several} tasks were annotated more than once: the first one counts")
    return table


def _task_table(path: str, found: list) -> LabelTable:
    """A table of tasks (number, recording, results); results None: not annotated, left out."""
    everything = [result for _, _, results in found for result in results or []]
    regions = any(result.get("type") == "labels" for result in everything)
    choices = any(result.get("type") == "choices" for result in everything)
    table = LabelTable(path, "weak" if choices and not regions else "strong", format=LABEL_STUDIO)
    for number, recording, results in found:
        if results is None:
            table.notes.append(f"task {number} ({recording}) is not annotated: left out")
        elif table.kind == "weak":
            labels = [label for r in results for label in r.get("value", {}).get("choices", [])]
            table.add(number, {"filename": recording, "event_labels": labels})
        else:
            _add_regions(table, number, recording, results)
    return table


def _add_regions(table: LabelTable, number: int, recording: str, results: list[dict]) -> None:
    regions = [result["value"] for result in results if result.get("type") == "labels"]
    for value in regions:
        times = {"onset": value.get("start"), "offset": value.get("end")}
        for label in value.get("labels") or [""]:
            table.add(number, {"filename": recording, **times, "event_label": label})
    if not regions:
        table.add(number, {"filename": recording})


def _label_studio_min(path: str, tasks: list[dict]) -> LabelTable:
    """The export JSON-MIN: the regions lie in "label" of each task."""
    found = []
    for number, task in enumerate(tasks, 1):
        results = [{"type": "labels", "value": value} for value in task.get("label") or []]
        found.append((number, _audio_of(task), results))
    return _task_table(path, found)


def _audio_of(data: Mapping) -> str:
    """The path of a task's recording: of its data's "audio", else of any that looks like one."""
    values = [data.get("audio"), *data.values()]
    for value in filter(_is_path, values):
        return _path_of(value)
    return ""


def _is_path(value) -> bool:
    if not isinstance(value, str):
        return False
    return "?d=" in value or bool(os.path.splitext(urlparse(value).path)[1])


def _path_of(url: str) -> str:
    """The path in a URL of Label Studio: local storage names it in the parameter d."""
    parts = urlparse(url)
    query = parse_qs(parts.query).get("d")
    if query:
        return query[0]
    if "/data/upload/" in parts.path:
        return UPLOADED.sub("", os.path.basename(unquote(parts.path)))
    return unquote(parts.path) if parts.scheme else url
