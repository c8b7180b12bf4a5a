"""``audiodet detect -o -``: rows to stdout."""

import csv
import io
import json

from audiodet.inference import on_ray, run


def test_stdout_has_data_only(detect, bad, folder):
    for form, delimiter in (("tsv", "\t"), ("csv", ",")):
        code, said, told = detect(bad, "-o", "-", "--format", form)
        table = list(csv.reader(io.StringIO(said), delimiter=delimiter))
        assert code == 3 and told.count("error: ") == 2 and "text.wav: not audio" in told
        assert table[0] == ["filename", "onset", "offset", "event_label", "score"]
        assert len(table) > 3 and {len(row) for row in table} == {5}
    code, said, told = detect(folder / "02.wav", "-o", "-", "--format", "jsonl")
    assert code == 0 and told == "" and all(json.loads(line)["score"] for line in said.splitlines())


def test_stdout_keeps_the_order_of_the_inputs(detect, bad, monkeypatch):
    """Whatever order recordings are finished in, as on a cluster."""
    monkeypatch.setattr(run, "require_package", lambda *names: None)
    expected = detect(bad, "-o", "-")

    def from_the_end(request, paths):
        yield from request.detector().detect_many(paths[::-1])

    monkeypatch.setattr(on_ray, "detect_on_ray", from_the_end)
    assert detect(bad, "-o", "-", "--ray") == expected
    names = [row.split("\t")[0] for row in expected[1].splitlines()[1:]]
    assert names == sorted(names) and len(set(names)) == 2
