"""What the examples share: a command that opens a store, and lines in the terminal.

Each example is an app and a scene, which is what a client of it does. A scene may be cut off
at any moment, by ``kill -9`` or by Ctrl-C, and played again over the same store: it goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

import perdure

Scene = Callable[[perdure.Client], None]

STORES = Path(__file__).resolve().parents[2] / ".cache" / "patterns"
_console = Console(highlight=False, soft_wrap=True)


def title(text: str) -> None:
    """Say what is played."""
    _console.rule(f"[bold]{text}", align="left")


def say(who: str, text: str, colour: str = "cyan") -> None:
    """Tell what *who* does; it is out when this returns."""
    _console.print(f"[{colour}]{who:>12}[/]  {text}")
    _console.file.flush()


def play(app: perdure.App, scene: Scene, store: Path | None = None) -> None:
    """Play *scene* over a store of its own, or over the file *store*."""
    path = store or STORES / f"{app.name}.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    title(f"{app.name}: {scene.__doc__}")
    with app.open(path) as client:
        scene(client)


def main(app: perdure.App, scene: Scene) -> None:
    """Be the command of an example."""

    @click.command(help=scene.__doc__)
    @click.option(
        "--store",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The SQLite file; one below .cache/patterns unless given.",
    )
    def command(store: Path | None) -> None:
        play(app, scene, store)

    command()
