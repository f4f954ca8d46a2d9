"""``python -m perdure`` and the command ``perdure``."""

from __future__ import annotations

from perdure.cli.commands import perdure


def main() -> None:
    """Run the command line."""
    perdure(prog_name="perdure")


if __name__ == "__main__":
    main()
