"""What a profile shows."""

from __future__ import annotations

import threading

from perdure.benchmarks.profiling import Frame, boxes, busy, kind_of, merged, profile

WAIT = Frame("lock.acquire", 3.0, (Frame("[self]", 3.0),))


def compute() -> int:
    return sum(number * number for number in range(300_000))


def test_waits_are_no_work() -> None:
    root = Frame("run", 6.0, (WAIT, Frame("get", 2.0, (Frame("SimpleQueue.get", 1.5),))))

    assert busy(root) == 1.0 + 0.5


def test_each_function_is_there_once_with_all_its_time() -> None:
    frames = [Frame("a", 1.0, (Frame("b", 1.0),)), Frame("c", 2.5), Frame("a", 2.0)]

    assert merged(frames) == (Frame("a", 3.0, (Frame("b", 1.0),)), Frame("c", 2.5))


def test_a_box_is_within_its_caller() -> None:
    found = list(boxes(Frame("a", 3.0, (Frame("b", 1.0), Frame("c", 2.0)))))

    assert [(box.frame.name, box.left, box.depth) for box in found] == [
        ("a", 0.0, 0),
        ("b", 0.0, 1),
        ("c", 1.0, 1),
    ]


def test_threads_of_one_kind_are_shown_together() -> None:
    def work() -> None:
        threads = [threading.Thread(target=compute, name=f"some-{number}") for number in "123"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    (some,) = [each for each in profile(work) if each.name == "some"]

    assert kind_of("some-1") == "some"
    assert "compute" in some.text
    assert "compute" in {box.frame.name for box in boxes(some.root)}
