"""Recipes and rendering against signals whose mixture can be worked out by hand."""

import hashlib
import json
from collections import Counter
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import soundfile as sf

from audiodet.data.datasets.standins import recipes_to_dicts
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.parts import Augmentation, Background, Reverb
from audiodet.data.mixing.recipes import Recipe, recipes_hash
from audiodet.data.mixing.draws import (
    EQ_DB,
    GAP,
    OVERLAY_SHARE,
    REVERB_DB,
    REVERB_SECONDS,
    REVERB_SHARE,
    SPEED_CHANGE,
)
from audiodet.data.mixing.rendering import mix, render, render_parts
from audiodet.data.mixing.soundbank import Clip, load_soundbank
from audiodet.errors import DataError

RATE = 8000
FLOOR = 10 ** (-70 / 20)


def put(root, path: str, samples, kind="events", label="cry", onset=0.0, offset=None) -> Clip:
    """Write float samples to a file of the bank and describe it."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    sf.write(root / path, np.asarray(samples, np.float32), RATE, "FLOAT")
    duration = len(samples) / RATE
    return Clip(path, kind, label, "train", 0, onset, offset or duration, duration, path)


def background(root, samples, name="bg.wav", label="room") -> Clip:
    return put(root, name, samples, "backgrounds", label)


def square(seconds: float, level: float) -> np.ndarray:
    return level * np.where(np.arange(round(seconds * RATE)) % 16 < 8, 1.0, -1.0)


def without_events(recipe: Recipe) -> Recipe:
    return replace(recipe, event=None, more_events=(), distractors=())


def with_event(recipe: Recipe, **changes) -> Recipe:
    return replace(recipe, event=replace(recipe.event, **changes))


@pytest.fixture
def parts(tmp_path):
    """A bank of one background of level 0.1 and events of one second inside longer files."""
    clips = [background(tmp_path, square(3.0, 0.1))]
    for i in range(4):
        samples = np.concatenate([square(0.3, 0.9), square(1.0, 0.2 + 0.1 * i), square(0.3, 0.9)])
        clips.append(put(tmp_path, f"cry{i}.wav", samples, onset=0.3, offset=1.3))
        knock = square(0.25, 0.3)
        clips.append(put(tmp_path, f"knock{i}.wav", knock, kind="distractors", label="knock"))
    clips.append(put(tmp_path, "bark.wav", square(0.5, 0.4), label="bark"))
    return str(tmp_path), clips


def test_same_seed_same_bytes_other_seed_other_bytes(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    settings = {"duration": 8.0, "augment": True, "distractors": (0, 2)}
    first, same, other = (make_recipes(clips, "gunshot", 6, s, **settings) for s in (1, 1, 2))
    assert first == same and recipes_hash(first) == recipes_hash(same) != recipes_hash(other)
    for a, b, c in zip(first, same, other):
        bytes_a = render(a, synthetic_bank).tobytes()
        assert bytes_a == render(b, synthetic_bank).tobytes()
        read = Recipe.from_dict(json.loads(json.dumps(a.to_dict())))
        assert read == a and bytes_a == render(read, synthetic_bank).tobytes()
        assert bytes_a != render(c, synthetic_bank).tobytes()


@pytest.mark.parametrize("ebr", [-6.0, 0.0, 6.0])
def test_event_level_worked_by_hand(parts, ebr):
    """Square waves: RMS = level, so the event's level is 0.2 * 0.1 * 10^(ebr/20)."""
    root, clips = parts
    for recipe in make_recipes(clips, "cry", 4, 0, presence=1, ebrs=[ebr], duration=5.0):
        event = render(recipe, root, RATE) - render(without_events(recipe), root, RATE)
        expected = 0.2 * 0.1 * 10 ** (ebr / 20)
        assert 20 * np.log10(np.abs(event).max() / expected) == pytest.approx(0, abs=0.01)


def test_ratio_counts_the_background_under_the_event_only(tmp_path):
    samples = np.concatenate([square(2.0, 0.5), square(2.0, 0.05)])
    clips = [background(tmp_path, samples), put(tmp_path, "e.wav", square(0.5, 0.3))]
    recipe = make_recipes(clips, "cry", 1, 0, presence=1, ebrs=[0], duration=4.0)[0]
    for start, level in ((0.5, 0.5), (3.0, 0.05)):
        moved = with_event(recipe, start=start)
        placed = render_parts(moved, str(tmp_path), RATE).events[0]
        assert np.abs(placed.samples).max() == pytest.approx(level, rel=1e-3)
        assert placed.scaling_factor == pytest.approx(level / 0.3, rel=1e-3)


def measured_ratios(recipes, root, rate):
    """(measured, asked for) ratio in dB of every sound of the recipes, from their samples."""
    for recipe in recipes:
        background, events, distractors = render_parts(recipe, root, rate)
        asked = recipe.events + recipe.distractors
        for sound, placed in zip(asked, events + distractors, strict=True):
            under = background[placed.first : placed.first + len(placed.samples)]
            power = np.mean(placed.samples.astype(float) ** 2) / np.mean(under.astype(float) ** 2)
            yield 10 * np.log10(power), sound.ebr


@pytest.mark.parametrize("bank", ["synthetic_bank", "soundbank"])
@pytest.mark.parametrize("augment", [False, True])
def test_ratios_within_a_tenth_of_a_decibel(bank, augment, request):
    root = request.getfixturevalue(bank)
    clips = load_soundbank(root).clips
    settings = {"presence": 0.8, "distractors": 1, "augment": augment, "ebr_jitter": 3.0}
    recipes = make_recipes(clips, "glassbreak", 20, 3, **settings)
    ratios = list(measured_ratios(recipes, root, 44100))
    assert len(ratios) == 16 + 20
    assert max(abs(measured - asked) for measured, asked in ratios) < 0.1


@pytest.mark.parametrize("bank", ["synthetic_bank", "soundbank"])
@pytest.mark.parametrize("augment", [False, True])
def test_annotation_is_where_the_event_is(bank, augment, request):
    """With and without the event the mixtures differ from onset to offset, to the sample."""
    root, rate = request.getfixturevalue(bank), 44100
    clips = load_soundbank(root).clips
    recipes = make_recipes(clips, "babycry", 8, 5, presence=1, duration=10.0, augment=augment)
    for recipe in recipes:
        [(onset, offset, label)] = recipe.annotations
        without = render_parts(replace(recipe, event=None), root, rate)
        event = mix(render_parts(recipe, root, rate), recipe) - mix(without, recipe)
        changed = np.nonzero(event)[0]
        assert label == "babycry" and 0 <= onset < offset <= 10.0
        assert round(onset * rate) <= changed[0] and changed[-1] < round(offset * rate) + 1
        edges = event[round(onset * rate) :][:2000], event[: round(offset * rate)][-2000:]
        assert all(np.any(edge) for edge in edges)


def test_event_span_is_exact_to_the_sample(parts):
    """Square waves have no zero sample: the span is known exactly, at any speed."""
    root, clips = parts
    for augment in (False, True):
        for recipe in make_recipes(clips, "cry", 10, 2, presence=1, duration=6.0, augment=augment):
            event = render_parts(recipe, root, RATE).events[0]
            [(onset, offset, _)] = recipe.annotations
            assert event.first == round(onset * RATE)
            assert abs(event.first + len(event.samples) - offset * RATE) <= 1
            if augment:
                assert abs(1 / (offset - onset) - 1) < SPEED_CHANGE + 1e-4
            else:
                assert offset - onset == pytest.approx(1.0)
                assert np.ptp(np.abs(event.samples)) < 1e-6  # nothing of the file's 0.9 parts


def test_speed_changes_pitch_and_length_alike(tmp_path):
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    clips = [background(tmp_path, square(9.0, 0.1)), put(tmp_path, "tone.wav", tone)]
    recipe = make_recipes(clips, "cry", 1, 0, presence=1, duration=5.0, augment=True)[0]
    recipe = with_event(recipe, augment=Augmentation(1.1, (0.0,) * 6), length=1 / 1.1)
    samples = render_parts(recipe, str(tmp_path), RATE).events[0].samples
    assert len(samples) == round(RATE / 1.1)
    spectrum = np.abs(np.fft.rfft(samples, RATE))  # 1 Hz a bin
    assert spectrum.argmax() == pytest.approx(550, abs=1)


def test_equaliser_follows_its_gains(tmp_path):
    low, high = (np.sin(2 * np.pi * f * np.arange(2 * RATE) / RATE) for f in (100.0, 3000.0))
    clips = [background(tmp_path, square(9.0, 0.1)), put(tmp_path, "two.wav", (low + high) / 2)]
    recipe = make_recipes(clips, "cry", 1, 0, presence=1, duration=5.0)[0]
    recipe = with_event(recipe, augment=Augmentation(1.0, (-6.0, 6.0)))  # at 100 Hz and 10 kHz
    samples = render_parts(recipe, str(tmp_path), RATE).events[0].samples
    spectrum = np.abs(np.fft.rfft(samples))
    measured = 20 * np.log10(spectrum[6000] / spectrum[200])  # half a hertz a bin
    expected = 12 * np.log(3000 / 100) / np.log(10000 / 100)
    assert measured == pytest.approx(expected, abs=0.1)


def test_reverberation_decays_by_60_db_in_its_time(tmp_path):
    click = np.zeros(2 * RATE)
    click[0] = 0.5
    clips = [background(tmp_path, square(9.0, 0.1)), put(tmp_path, "click.wav", click)]
    recipe = make_recipes(clips, "cry", 1, 0, presence=1, duration=5.0)[0]
    room = Reverb(seconds=0.8, level_db=-3.0, seed=7)
    recipe = with_event(recipe, augment=Augmentation(1.0, (0.0, 0.0), room))
    placed = render_parts(recipe, str(tmp_path), RATE).events[0]
    tail = (placed.samples / placed.scaling_factor - click) / 0.5
    energy = 10 * np.log10(np.sum(tail.reshape(-1, RATE // 10) ** 2, axis=1) + 1e-20)
    assert 10 * np.log10(np.sum(tail**2)) == pytest.approx(-3.0, abs=0.05)
    assert energy[6] - energy[1] == pytest.approx(-60 * 0.5 / 0.8, abs=1.5)
    assert energy[9] < -100  # nothing after its time
    recipe = with_event(recipe, augment=Augmentation(1.0, (0.0, 0.0), replace(room, seed=8)))
    other = render_parts(recipe, str(tmp_path), RATE).events[0]
    assert not np.allclose(other.samples, placed.samples)


def empty(tmp_path, samples, duration, start=0.0, chain=(), **changes) -> np.ndarray:
    """An event-free mixture over the samples, without gain and noise (below -60 dB)."""
    clips = [background(tmp_path, samples), put(tmp_path, "e.wav", square(0.1, 0.3))]
    recipe = make_recipes(clips, "cry", 1, 0, presence=0, duration=duration)[0]
    scene = replace(recipe.background, start=start, chain=chain)
    return render(replace(recipe, background=scene, **changes), str(tmp_path), RATE) / 0.2


def test_short_background_is_looped_without_gaps(tmp_path):
    samples = np.full(RATE, 0.25)
    out = empty(tmp_path, samples, 5.0)
    assert len(out) == 5 * RATE
    assert out.min() > 0.24
    # Each turn shares 50 ms with the one before. Equal power: where a constant meets itself
    # the level is cos + sin, sqrt(2) in the middle of the joint.
    middles = [round((0.95 * turn + 0.025) * RATE) for turn in range(1, 5)]
    assert out[middles] == pytest.approx(0.25 * np.sqrt(2), abs=0.01)
    outside = [middle + shift for middle in middles for shift in (-250, 250)]
    assert out[outside] == pytest.approx(0.25, abs=0.01)
    noise = empty(tmp_path, np.random.default_rng(0).normal(0, 0.05, RATE), 60.0)
    level = np.sqrt(np.mean(noise.reshape(-1, RATE // 4) ** 2, axis=1))
    assert 20 * np.log10(level.max() / level.min()) < 1.5  # joints of noise are no dips or bumps


def test_background_begins_at_its_start(tmp_path):
    ramp = np.linspace(0, 1, 4 * RATE)
    out = empty(tmp_path, ramp, 2.0, start=1.5)
    assert out[0] == pytest.approx(1.5 / 4, abs=0.01)
    assert out[-1] == pytest.approx(3.5 / 4, abs=0.01)


def test_backgrounds_are_chained_and_overlaid(tmp_path):
    background(tmp_path, np.full(RATE, 0.4), "second.wav")
    background(tmp_path, np.full(9 * RATE, 0.1), "over.wav")
    over = Background("over.wav", 0.0, level_db=-20.0)
    for overlay, more in ((None, 0.0), (over, 0.01)):
        out = empty(tmp_path, np.full(RATE, 0.2), 2.7, chain=("second.wav",), overlay=overlay)
        middle = [out[round(t * RATE)] for t in (0.5, 1.4, 2.4)]
        assert middle == pytest.approx([0.2 + more, 0.4 + more, 0.2 + more], abs=0.008)


def test_noise_floor_is_70_db_under_full_scale(tmp_path):
    out = 0.2 * empty(tmp_path, np.zeros(RATE), 60.0)
    assert 20 * np.log10(np.sqrt(np.mean(out**2))) == pytest.approx(-70, abs=0.1)
    spectrum = np.abs(np.fft.rfft(out.reshape(60, RATE), axis=1)) ** 2
    bands = spectrum.mean(axis=0)[1:].reshape(10, -1).mean(axis=1)
    assert bands.max() / bands.min() < 1.1  # white
    other = 0.2 * empty(tmp_path, np.zeros(RATE), 60.0, seed=12345)
    assert abs(np.corrcoef(out, other)[0, 1]) < 0.02


def test_extreme_mixture_does_not_clip(parts):
    root, clips = parts
    recipe = make_recipes(clips, "cry", 1, 0, presence=1, ebrs=[60], duration=4.0)[0]
    out = render(recipe, root, RATE)
    assert np.abs(out).max() == pytest.approx(0.999, abs=1e-4)
    event = np.abs(out[np.abs(out) > 0.5])
    assert np.ptp(event) < 0.01  # scaled, not cut: 60 dB over the background


def test_silent_event_short_file_and_silent_background(parts, tmp_path):
    root, clips = parts
    silent = put(tmp_path, "silent.wav", np.zeros(RATE), label="still")
    with pytest.raises(DataError, match="silent.wav: the event is silent"):
        render(make_recipes(clips + [silent], "still", 1, 0, presence=1)[0], root, RATE)
    recipe = make_recipes(clips, "bark", 1, 0, presence=1)[0]
    recipe = with_event(recipe, segment_end=0.7)
    with pytest.raises(DataError, match="bark.wav: 0.500 s long.*ends at 0.7 s"):
        render(recipe, root, RATE)
    quiet = [background(tmp_path, np.zeros(RATE), "zero.wav")] + clips[1:]
    recipe = make_recipes(quiet, "cry", 1, 0, presence=1, ebrs=[0], duration=4.0)[0]
    event = render_parts(recipe, root, RATE).events[0]
    # as loud as the noise floor, which is added after the gain
    assert np.abs(event.samples).max() * 0.2 == pytest.approx(FLOOR, rel=1e-3)


# 100 * 0.57 is 56.99999999999999 in binary.
@pytest.mark.parametrize("n, presence, positives", [(500, 0.5, 250), (100, 0.57, 57), (7, 0.3, 2)])
def test_exact_number_of_positives(parts, n, presence, positives):
    recipes = make_recipes(parts[1], "cry", n, 0, presence=presence)
    assert len(recipes) == n
    assert sum(recipe.event is not None for recipe in recipes) == positives
    order = [recipe.event is not None for recipe in recipes]
    assert order != sorted(order) and order != sorted(order, reverse=True)


def test_events_lie_inside_and_anywhere(parts):
    recipes = make_recipes(parts[1], "cry", 400, 0, presence=1, duration=5.0, augment=True)
    spans = np.array([recipe.annotations[0][:2] for recipe in recipes])
    assert spans.min() >= 0 and spans.max() <= 5.0
    # Uniform over [0, 5 - length]: mean 2, standard error 0.06.
    assert spans[:, 0].mean() == pytest.approx(2.0, abs=0.25)
    assert spans[:, 0].min() < 0.1 and spans[:, 1].max() > 4.9


def test_balanced_draw_uses_all_equally(parts):
    recipes = make_recipes(parts[1], "cry", 100, 0, balanced=True, distractors=1)
    events = [recipe.event for recipe in recipes if recipe.event]
    for counts in (
        Counter(event.ebr for event in events),
        Counter(event.path for event in events),
        Counter(recipe.distractors[0].path for recipe in recipes),
    ):
        assert max(counts.values()) - min(counts.values()) <= 1
    assert {event.ebr for event in events} == {-6.0, 0.0, 6.0}


def test_distractors_leave_everything_else_alone(parts):
    plain, hard = (make_recipes(parts[1], "cry", 30, 4, distractors=d) for d in (0, 2))
    assert all(recipe.distractors == () for recipe in plain)
    assert all(len(recipe.distractors) == 2 for recipe in hard)
    assert [replace(recipe, distractors=()) for recipe in hard] == plain
    some = make_recipes(parts[1], "cry", 30, 4, distractors=(0, 2))
    assert {len(recipe.distractors) for recipe in some} == {0, 1, 2}
    assert [replace(recipe, distractors=()) for recipe in some] == plain


def test_several_events_in_one_mixture(parts):
    root, clips = parts
    recipes = make_recipes(clips, "cry", 60, 0, presence=0.5, duration=8.0, max_events=4)
    counts = Counter(len(recipe.more_events) for recipe in recipes if recipe.event)
    assert set(counts) == {0, 1, 2, 3}
    assert not any(r.more_events for r in recipes if not r.event)
    others = Counter(event.label for r in recipes for event in r.more_events)
    assert set(others) == {"bark", "cry"}  # the target's own label too
    for recipe in [r for r in recipes if r.more_events][:3]:
        count = 1 + len(recipe.more_events)
        assert recipe.annotations[0][2] == "cry"
        assert len(render_parts(recipe, root, RATE).events) == count
        assert len(recipes_to_dicts([recipe], ["bark", "cry"], root)[0]["annotations"]) == count
        assert recipe.annotation_string.count("\n") == count - 1


def test_events_of_one_label_do_not_overlap(parts):
    recipes = make_recipes(parts[1], "cry", 60, 0, presence=1, duration=4.0, max_events=6)
    for label in ("bark", "cry"):
        for recipe in recipes:
            events = sorted(e for e in recipe.annotations if e[2] == label)
            assert all(b[0] - a[1] >= GAP - 1e-3 for a, b in zip(events, events[1:]))
    assert any(len(recipe.more_events) > 2 for recipe in recipes)


def test_augmentation_stays_in_its_ranges(synthetic_bank):
    clips = load_soundbank(synthetic_bank).clips
    recipes = make_recipes(clips, "gunshot", 200, 0, presence=1, augment=True, ebr_jitter=3.0)
    augments = [recipe.event.augment for recipe in recipes]
    changes = [augment.speed - 1 for augment in augments]
    assert -SPEED_CHANGE - 1e-4 <= min(changes) < -0.8 * SPEED_CHANGE
    assert 0.8 * SPEED_CHANGE < max(changes) <= SPEED_CHANGE + 1e-4
    assert all(abs(gain) <= EQ_DB for augment in augments for gain in augment.eq_db)
    rooms = [augment.reverb for augment in augments if augment.reverb]
    assert len(rooms) / 200 == pytest.approx(REVERB_SHARE, abs=0.12)
    for key, (least, most) in (("seconds", REVERB_SECONDS), ("level_db", REVERB_DB)):
        assert all(least <= getattr(room, key) <= most for room in rooms)
    assert {recipe.event.ebr for recipe in recipes} - {-6.0, 0.0, 6.0}
    assert all(-9 <= recipe.event.ebr <= 9 for recipe in recipes)
    label = {clip.path: clip.label for clip in clips}
    for recipe in recipes:
        scene = recipe.background
        assert scene.chain and scene.path not in scene.chain
        assert {label[path] for path in scene.chain} == {scene.label}
    overlaid = sum(recipe.overlay is not None for recipe in recipes)
    assert overlaid / 200 == pytest.approx(OVERLAY_SHARE, abs=0.12)


def test_impossible_recipes_are_refused(parts, tmp_path):
    root, clips = parts
    with pytest.raises(DataError, match="events dog"):
        make_recipes(clips, "dog", 2, 0)
    with pytest.raises(DataError, match="backgrounds"):
        make_recipes([c for c in clips if c.kind != "backgrounds"], "cry", 2, 0)
    with pytest.raises(DataError, match="distractors"):
        make_recipes([c for c in clips if c.kind != "distractors"], "cry", 2, 0, distractors=1)
    with pytest.raises(DataError, match="lasts 1.0 s, a mixture 0.8 s"):
        make_recipes(clips, "cry", 2, 0, duration=0.8)
    with pytest.raises(DataError, match="presence 1.5"):
        make_recipes(clips, "cry", 2, 0, presence=1.5)
    with pytest.raises(DataError, match="'cry'.*expected one of"):
        recipes_to_dicts(make_recipes(clips, "cry", 2, 0), ["dog"], root)


def test_dataset_dicts(parts):
    root, clips = parts
    recipes = make_recipes(clips, "cry", 4, 0, duration=5.0, name="set")
    dicts = recipes_to_dicts(recipes, ["bark", "cry"], root)
    assert [d["image_id"] for d in dicts] == [0, 1, 2, 3]
    for recipe, d in zip(recipes, dicts):
        assert (d["height"], d["width"], d["label_kind"], d["target"]) == (1, 5.0, "strong", "cry")
        assert d["recipe"] is recipe and d["soundbank"] == root
        if recipe.event:
            start = recipe.event.start
            [annotation] = d["annotations"]
            assert annotation["bbox"] == [start, 0.0, pytest.approx(start + 1.0), 1.0]
            assert annotation["category_id"] == 1
            assert d["source_group"] == recipe.event.path
        else:
            assert d["annotations"] == [] and d["source_group"] == "bg.wav"
    assert dicts[0]["file_name"] == "set_cry_0000.wav"


def test_hash_is_that_of_the_canonical_json(parts):
    """The written form by hand: the official fields, and ours; a hash names it for good."""
    recipe = Recipe("a.wav", 2.5, Background("bg.wav", 0.5, (), "room"), None, 0.0, 7)
    event = "event_path event_class event_start_in_mixture_seconds event_length_seconds"
    event += " scaling_factor segment_start_seconds segment_end_seconds ebr augment"
    written = {
        **dict.fromkeys(event.split()),
        **{"bg_path": "bg.wav", "bg_classname": "room", "bg_start_seconds": 0.5, "bg_chain": []},
        **{"bg_overlay": None, "duration": 2.5, "gain_db": 0.0, "seed": 7},
        **{"event_present": False, "more_events": [], "distractors": []},
        **{"target": None, "source_group": None},
        **{"mixture_audio_filename": "a.wav", "annotation_string": "a.wav"},
    }
    text = json.dumps([written], sort_keys=True, separators=(",", ":"))
    assert json.loads(json.dumps(recipe.to_dict())) == written
    assert recipes_hash([recipe]) == hashlib.sha256(text.encode()).hexdigest()[:12]
    recipes = make_recipes(parts[1], "cry", 3, 0)
    changed = [recipes[0], replace(recipes[1], seed=recipes[1].seed + 1), recipes[2]]
    assert recipes_hash(changed) != recipes_hash(recipes)


def test_a_recipe_of_everything_is_read_back_as_it_was(parts):
    rules = {"presence": 1, "max_events": 4, "distractors": 2, "augment": True, "duration": 9.0}
    recipes = make_recipes(parts[1], "cry", 40, 0, **rules)
    recipes.append(with_event(recipes[0], level_seconds=(0.1, 0.9), scaling_factor=0.5))
    recipes += make_recipes(parts[1], "cry", 8, 1, maskers=["room"])
    assert len({recipe.masker.path for recipe in recipes if recipe.masker}) > 1
    assert any(r.overlay for r in recipes) and any(
        r.event and r.event.augment and r.event.augment.reverb for r in recipes
    )
    for recipe in recipes:
        assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    with pytest.raises(FrozenInstanceError):
        recipes[0].seed = 1
