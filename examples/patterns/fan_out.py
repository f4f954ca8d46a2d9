"""Fan-out and fan-in: many activities at the same time, one result when all of them are done.

What is done is recorded one by one. Killed in the middle, only what had no result yet runs
again, and each result counts once.
"""

from __future__ import annotations

import asyncio

import perdure
from examples.patterns.stage import main, say

app = perdure.App("fan-out")

PAGES = [
    "Beautiful is better than ugly.",
    "Explicit is better than implicit.",
    "Simple is better than complex.",
    "Complex is better than complicated.",
    "Flat is better than nested.",
    "Sparse is better than dense.",
    "Readability counts.",
    "Special cases aren't special enough to break the rules.",
    "Although practicality beats purity.",
    "Errors should never pass silently.",
    "Unless explicitly silenced.",
    "In the face of ambiguity, refuse the temptation to guess.",
]


@app.activity(concurrency=4)
async def count_words(page: str) -> int:
    """Read one page; four are read at the same time."""
    await asyncio.sleep(0.05)
    words = len(page.split())
    say("activity", f"{words:2} words: {page}")
    return words


@app.orchestrator
async def count_book(ctx: perdure.OrchestrationContext, pages: list[str]) -> int:
    """Count each page, and add up."""
    counts = await perdure.when_all([ctx.call_activity(count_words, page) for page in pages])
    return sum(counts)


def scene(client: perdure.Client) -> None:
    """Many at the same time, one sum at the end."""
    book = client.start_or_get(count_book, PAGES, instance_id="zen")
    say("client", f"started over {len(PAGES)} pages, on disk", "green")
    say("result", f"{book.result(timeout=60)} words", "bold green")


if __name__ == "__main__":
    main(app, scene)
