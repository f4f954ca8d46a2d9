"""Histories kept beside the tests: what an orchestration does, as a file to be reviewed."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import attrs
import msgspec

from perdure.errors import InvalidInputError
from perdure.orchestration.app import App
from perdure.orchestration.refs import OrchestrationRef
from perdure.testing.replays import assert_replays

_TIMES = ("fire_at", "due")
_OF_ONE_RUN = ("time", "generation", "message", "parent", "parent_task")
_IDS = ("instance_id", "section")
_UPDATE = "write it with pytest --perdure-update, look at it, and commit it"


@attrs.frozen
class Histories:
    """A folder of histories, each in a file; call it to compare one.

    Attributes:
        app: whose orchestrations they are.
        folder: where the files are.
        update: write the files instead of comparing them.
    """

    app: App
    folder: Path
    update: bool = attrs.field(default=False, kw_only=True)

    def __call__(self, ref: OrchestrationRef[Any], name: str) -> None:
        """Fail unless today's code replays the kept history, and makes the same anew.

        Ids and times of one run do not count, how long a timer takes does.

        Args:
            ref: an orchestration that has just run.
            name: of the file, without ``.json``.

        Raises:
            AssertionError: there is no such file; the code does not fit it, so that what was
                started before would stall; or another history has come of it.
            InstanceNotFoundError: there is no such orchestration.
            InvalidInputError: the name is none, or the file is no history.
        """
        if not name or Path(name).name != name:
            msg = f"history {name!r}: use the name of a file, without a folder"
            raise InvalidInputError(msg)
        path = self.folder / f"{name}.json"
        now = msgspec.json.decode(ref.export_history())
        if self.update:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(_written(now), encoding="utf-8")
            return
        if not path.exists():
            msg = f"there is no history in {path}; {_UPDATE}"
            raise AssertionError(msg)
        try:
            assert_replays(self.app, path)
        except AssertionError as error:
            error.add_note(
                f"what began before as in {path} would stall: keep the old way for it, by "
                f"ctx.patched or a version; where nothing of the kind is left, {_UPDATE}"
            )
            raise
        _compare(path, msgspec.json.decode(path.read_bytes()), now)


def _compare(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    kept, made = _comparable(before), _comparable(now)
    if kept != made:
        shown = "\n".join(difflib.unified_diff(kept, made, "kept", "now", lineterm="", n=2))
        msg = f"another history than in {path}; if that is meant, {_UPDATE}\n{shown}"
        raise AssertionError(msg)


def _written(history: dict[str, Any]) -> str:
    """One event a line, without what only this machine has."""
    events = [_without_traces(event) for event in history["events"]]
    head = {name: value for name, value in history.items() if name != "events"}
    parts = [f" {_json(name)}: {_json(value)}" for name, value in head.items()]
    listed = ",\n".join(f"  {_json(event)}" for event in events)
    return "{\n" + ",\n".join([*parts, f' "events": [\n{listed}\n ]']) + "\n}\n"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _without_traces(event: dict[str, Any]) -> dict[str, Any]:
    failure = event.get("failure")
    return event if failure is None else event | {"failure": _without_trace(failure)}


def _without_trace(failure: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in failure.items() if name != "stack_trace"}
    return (
        kept if kept.get("inner") is None else kept | {"inner": _without_trace(kept["inner"])}
    )


def _comparable(history: dict[str, Any]) -> list[str]:
    """What is the same whenever the same happens."""
    events: list[dict[str, Any]] = history["events"]
    generation = next((e["generation"] for e in events if "generation" in e), "")
    of_one_run = (f"{history['instance_id']}:{generation}:", f"{generation}:")
    lines = [f"{history['name']} {history.get('version', '')} {history['status']}"]
    for event in map(_without_traces, events):
        kept = {name: value for name, value in event.items() if name not in _OF_ONE_RUN}
        for name in _TIMES:
            if kept.get(name):
                kept[name] = f"{(kept[name] - event['time']) / 1e6:+}s"
        for name in _IDS:
            for prefix in of_one_run:
                if name in kept:
                    kept[name] = kept[name].removeprefix(prefix)
        lines.append(_json(kept))
    return lines
