"""A few power cuts, and proofs that a lie of the disk would be seen."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from tests.torture.power_cuts import check_points, load, record
from tests.torture.power_images import cuts
from tests.torture.recorded_disk import Recording, Step, Sync, Write

STRIDE = 150


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    folder: Path = tmp_path_factory.mktemp("recordings")
    for durability in ("power", "process"):
        record(folder / durability, durability=durability, what="store", seed=1)
    return {name: load(folder / name) for name in ("power", "process")}


@pytest.mark.parametrize("durability", ["power", "process"])
def test_a_power_cut_loses_nothing_that_was_promised(
    recordings: dict[str, Recording], durability: str
) -> None:
    recording = recordings[durability]
    points = cuts(recording.steps, random.Random(1), parts=STRIDE)

    figures = check_points(recording, points)

    assert figures.wrong == []
    assert figures.points > 40
    assert figures.as_store > 1


def test_what_is_not_synced_would_be_seen_to_be_lost(recordings: dict[str, Recording]) -> None:
    lax = msgspec.structs.replace(recordings["process"], durability="power")
    points = cuts(lax.steps, random.Random(1), parts=STRIDE)

    assert any("it is at transaction" in told for told in check_points(lax, points).wrong)


def test_a_disk_that_forgets_syncs_would_be_seen(recordings: dict[str, Recording]) -> None:
    recording = recordings["power"]
    steps = [s for s in recording.steps if not (isinstance(s, Sync) and s.file == "a.db-wal")]
    points = cuts(steps, random.Random(1), parts=STRIDE)

    assert check_points(recording, points).wrong


def test_an_image_has_what_was_synced_and_any_sectors_of_the_rest() -> None:
    old, new = b"a" * 512, b"b" * 512
    steps: list[Step] = [Write("f", 0, old + old), Sync("f"), Write("f", 0, new + new)]

    seen = {
        point.files["f"]
        for seed in range(20)
        for point in cuts(steps, random.Random(seed))
        if point.at == 3
    }

    assert seen == {old + old, old + new, new + old, new + new}
