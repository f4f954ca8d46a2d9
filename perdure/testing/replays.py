"""Check that today's code replays the histories of yesterday."""

from __future__ import annotations

from pathlib import Path

from perdure.errors import InvalidInputError, NonDeterminismError
from perdure.orchestration.app import App
from perdure.orchestration.replaying import Replayed, replay_sources, sequences


def assert_replays(app: App, *sources: str | Path) -> int:
    """Fail unless *app*'s code of today replays every history as it happened.

    Args:
        app: with the orchestrators.
        *sources: stores; histories as ``ref.export_history()`` and ``perdure history --export``
            write them; folders of such ``.json`` files.

    Returns:
        How many histories were replayed.

    Raises:
        AssertionError: some do not fit; it shows what they hold beside what the code asks for.
        InvalidInputError: a source is none of these, or there is no history in them at all.
    """
    replayed = list(replay_sources(map(Path, sources), app.programs, app.resolve))
    if not replayed:
        msg = f"there is no history in {', '.join(map(str, sources)) or 'no source'}"
        raise InvalidInputError(msg)
    diverged = [_shown(one) for one in replayed if one.error is not None]
    if diverged:
        head = f"{len(diverged)} of {len(replayed)} histories do not fit the code"
        raise AssertionError("\n\n".join([head, *diverged]))
    return len(replayed)


def _shown(replayed: Replayed) -> str:
    error = replayed.error
    title = f"{replayed.instance_id} ({replayed.name}, {replayed.status}): {error}"
    if not isinstance(error, NonDeterminismError):
        return title
    pairs = list(sequences(error))
    width = max((len(left) for left, _ in pairs), default=0)
    rows = [
        f"{' ' if left == right else '>'} {number:3} {left:{width}} | {right}"
        for number, (left, right) in enumerate(pairs, 1)
    ]
    return "\n".join([title, f"      {'in the history':{width}} | in the code", *rows])
