"""What is known of a long recording before it has ended, so that a killed run goes on within it."""

from audiodet.inference.fingerprint import fingerprint, is_same
from audiodet.inference.reading import file_state

EVERY = 600.0  # seconds of sound between two entries of the journal


class Parts:
    """The parts of a journal; without one, nothing is kept and nothing continued.

    A recording that is continued is decoded from its begin, so that every sample is what it would
    have been, but only the windows that were not heard yet go to the network.
    """

    def __init__(self, journal=None):
        self.journal = journal
        self._known = {}  # recording -> its parts, from the begin on
        self._kept = {}  # recording under way -> (its state, seconds and events that are kept)
        for path in journal.parts if journal else ():
            parts = journal.get_parts(path)
            if is_same(path, parts[-1]["state"]):
                self._known[path] = _of_one_run(parts)

    def windows(self, source) -> int:
        """Windows of a recording that were heard."""
        parts = self._known.get(source) if isinstance(source, str) else None
        return parts[-1]["windows"] if parts else 0

    def before(self, source, recording) -> None:
        """A window of ``recording`` comes: make it what it was, if this is the first one."""
        if self.journal and not recording.windows:
            parts = self._known.get(source)
            events = 0
            seconds = 0.0
            if parts:
                recording.continue_from(parts)
                events = sum(len(part["events"]) for part in parts)
                seconds = parts[-1]["end"]
            self._kept = {source: (file_state(source), seconds, events)}

    def after(self, source, recording, place) -> None:
        """A window of ``recording`` is in: keep what is known, now and then."""
        if not self.journal or place.last:
            return
        state, seconds, events = self._kept[source]
        if place.end - seconds < EVERY:
            return
        part = recording.part(events)
        self.journal.add_part(source, state=fingerprint(source, state), **part)
        self._kept[source] = (state, place.end, events + len(part["events"]))


def _of_one_run(parts: list[dict]) -> list[dict]:
    """The last parts, from a begin on: a run that did not know of earlier ones begins anew."""
    begin = 0
    for number in range(1, len(parts)):
        if parts[number]["windows"] <= parts[number - 1]["windows"]:
            begin = number
    return parts[begin:]
