"""Human interaction: ask somebody, wait for days, and ask somebody else when no answer comes.

An approval is an external event: it is on disk when ``raise_event`` returns, and is not lost
whatever happens to the process. People get 72 hours; in the scene below one gets a second.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

import perdure
from examples.patterns.stage import main, say

app = perdure.App("approval")


@attrs.frozen
class Expense:
    """Something that costs money, who may allow it, and who may after that one's patience."""

    what: str
    first: str = "Mia"
    second: str = "the director"
    patience: timedelta = timedelta(hours=72)


@attrs.frozen
class Question:
    """What one person is asked."""

    person: str
    what: str


@app.activity
def ask(question: Question) -> None:
    """Write to the person; twice does no harm."""
    say("activity", f"asks {question.person}: {question.what}?")


@app.orchestrator
async def approval(ctx: perdure.OrchestrationContext, expense: Expense) -> str:
    """Ask the first; after their patience also the second, for as long as it takes."""
    person = expense.first
    await ctx.call_activity(ask, Question(person, expense.what))
    ctx.set_custom_status(f"waits for {person}")
    answer = ctx.wait_for_external_event("Approval", bool, timeout=expense.patience)
    try:
        allowed = await answer
    except TimeoutError:
        person = expense.second
        await ctx.call_activity(ask, Question(person, expense.what))
        ctx.set_custom_status(f"waits for {person}")
        allowed = await ctx.wait_for_external_event("Approval", bool)
    return f"{'approved' if allowed else 'rejected'} by {person}"


def scene(client: perdure.Client) -> None:
    """One is approved, one is escalated: its first person does not answer."""
    impatient = Expense("a desk", patience=timedelta(seconds=1))
    chair = client.start_or_get(approval, Expense("a chair"), instance_id="chair")
    desk = client.start_or_get(approval, impatient, instance_id="desk")
    say("client", "two questions started, on disk", "green")
    answer(client, "chair", "Mia")
    say("result", f"{chair.id}: {chair.result(timeout=60)}", "bold green")
    answer(client, "desk", "the director")
    say("result", f"{desk.id}: {desk.result(timeout=60)}", "bold green")


def answer(client: perdure.Client, instance_id: str, person: str) -> None:
    """Be that person: wait until one is asked, and say yes."""
    expense = client.orchestration(instance_id)
    while (state := expense.status()) is not None and not state.is_finished:
        if state.custom_status == f"waits for {person}":
            expense.raise_event("Approval", data=True)
            say(person, f"yes to {instance_id}, on disk", "magenta")
            return
        try:
            expense.result(timeout=0.05)
        except perdure.ReplyTimeoutError:
            continue


if __name__ == "__main__":
    main(app, scene)
