"""``python -m perdure.benchmarks`` is ``perdure bench``."""

from perdure.benchmarks.command import main

if __name__ == "__main__":
    main()
