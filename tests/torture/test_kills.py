"""A few kills of each sort; ``make torture`` has thousands."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.torture.journal import Intent, Journal, read_journal
from tests.torture.kills import at_named_places, at_random_moments
from tests.torture.reckoning import reckon
from tests.torture.scenes import SCENES, Place
from tests.torture.suspects import play

STRIDE = 60


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_a_kill_at_a_named_place_breaks_no_promise(scene: str) -> None:
    tally = at_named_places(scene, first=20, step=STRIDE, most=3 * STRIDE)

    assert tally.kills >= 1
    assert all(place.startswith(("before", "after", "the end")) for place in tally.places)


def test_kills_at_random_moments_break_no_promise() -> None:
    tally = at_random_moments(seed=1, kills=5)

    assert (tally.kills, tally.verified) == (5, 1)


def test_the_reckoning_finds_what_was_promised_and_is_not_there(tmp_path: Path) -> None:
    place = Place(tmp_path)
    journal = Journal(place.journal)
    for number, kind in enumerate(("signal", "start"), 1):
        journal.intend(Intent(1, number, kind, "trips"))
        journal.acknowledge(f"1.{number}")
    journal.close()

    wrong = reckon(place.store, place.journal, verify=True)

    assert len(wrong) == 3
    assert all("was acknowledged and is not there" in what for what in wrong)


def test_a_line_that_a_kill_cut_off_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("I 1 1 signal a 0\nA 1.1\nI 1 2 sig")

    story = read_journal(tmp_path / "j")

    assert (list(story.intents), story.acknowledged) == (["1.1"], {"1.1"})


def test_who_kills_the_process_is_set_aside_and_nobody_else(tmp_path: Path) -> None:
    assert play(tmp_path, random.Random(1)) >= 6
