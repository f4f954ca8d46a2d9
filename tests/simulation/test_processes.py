"""Processes that run seeds end when the one that started them does."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import multiprocessing, time
from perdure.testing.simulating.runs import end_with_the_parent

def work():
    end_with_the_parent()
    print("begun", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
"""


def test_a_process_ends_with_its_parent_though_that_is_killed() -> None:
    command = [sys.executable, "-c", CODE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "begun\n"

        parent.kill()

        assert parent.stdout.read() == ""  # nobody has it open any more
