"""Asynchronous HTTP API, the client's side: start, hand out an id, be asked for the status.

Whoever asked gets an id at once (``202 Accepted``) and comes back with it. The status tells how
far the work is, also after the process that did it was killed and started again.
"""

from __future__ import annotations

import asyncio
from typing import Any

import perdure
from examples.patterns.stage import main, say

app = perdure.App("async-http")

CHAPTERS = 8


@app.activity
async def render(chapter: int) -> int:
    """Make the pages of one chapter, slowly; how many there are."""
    await asyncio.sleep(0.1)
    say("activity", f"rendered chapter {chapter}")
    return 10 + chapter


@app.orchestrator
async def make_report(ctx: perdure.OrchestrationContext, chapters: int) -> int:
    """One chapter after the other; the custom status tells how far it is."""
    pages = 0
    for chapter in range(chapters):
        ctx.set_custom_status({"done": chapter, "of": chapters})
        pages += await ctx.call_activity(render, chapter)
    ctx.set_custom_status({"done": chapters, "of": chapters})
    return pages


def post_report(client: perdure.Client, chapters: int) -> tuple[int, str]:
    """What ``POST /reports`` does: the work is on disk before the answer leaves."""
    report = client.start_or_get(make_report, chapters, instance_id="report-7")
    return 202, f"/reports/{report.id}"


def get_report(client: perdure.Client, location: str) -> tuple[int, dict[str, Any]]:
    """What ``GET /reports/…`` does: 202 until there is a result, then 200."""
    state = client.orchestration(location.removeprefix("/reports/")).status()
    if state is None:
        return 404, {}
    if not state.is_finished:
        return 202, {"status": state.runtime_status, "progress": state.custom_status}
    return 200, {"status": state.runtime_status, "pages": state.output}


def scene(client: perdure.Client) -> None:
    """The work goes on while somebody asks how far it is."""
    status, location = post_report(client, CHAPTERS)
    say("POST", f"{status} Accepted, Location: {location}", "green")
    work = client.orchestration(location.removeprefix("/reports/"))
    while get_report(client, location)[0] == 202:
        say("GET", f"{get_report(client, location)}", "yellow")
        wait_a_little(work)
    say("GET", f"{get_report(client, location)}", "bold green")


def wait_a_little(work: perdure.OrchestrationRef[Any]) -> None:
    """Come back after a moment, or as soon as it has ended."""
    try:
        work.result(timeout=0.2)
    except perdure.ReplyTimeoutError:
        return


if __name__ == "__main__":
    main(app, scene)
