"""Keep today's store for the versions to come: ``python -m tests.upgrade``, at each release."""

from __future__ import annotations

from pathlib import Path

import click

import perdure
from tests.upgrade.departure import write

STORES = Path(__file__).parent / "stores"


@click.command(help=__doc__)
@click.option("--again", is_flag=True, help="Also where there is one of this version.")
def main(again: bool) -> None:
    """Write it, named by the version."""
    target = STORES / f"{perdure.__version__}.db.xz"
    if target.exists() and not again:
        msg = f"{target} exists; a released version's store is never written anew"
        raise click.ClickException(msg)
    size = write(target)
    click.echo(f"{target}: {size} bytes")


if __name__ == "__main__":
    main()
