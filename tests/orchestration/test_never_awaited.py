"""Tasks that nobody awaits are told of, and misspelt activities are named."""

from __future__ import annotations

import pytest

import perdure
from perdure.orchestration.simulation import simulate

app = perdure.App("lost")


@app.activity
def mail(text: str) -> str:
    return text


@app.orchestrator
async def forgetful(ctx: perdure.OrchestrationContext) -> str:
    ctx.call_activity(mail, "lost")
    return "done"


@app.orchestrator
async def careful(ctx: perdure.OrchestrationContext) -> str:
    first, second = ctx.call_activity(mail, "a"), ctx.call_activity(mail, "b")
    return await (await perdure.when_any([first, second]))


@app.orchestrator
async def misspelt(ctx: perdure.OrchestrationContext) -> None:
    await ctx.call_activity("mial", "a")


@app.orchestrator
async def patient(ctx: perdure.OrchestrationContext) -> None:
    await ctx.wait_for_external_event("GoOn")


def test_a_task_that_is_never_awaited_is_told_of_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with simulate(app) as world:
        assert world.client.start(forgetful, instance_id="f").result(5) == "done"
        assert world.client.start(careful, instance_id="c").result(5) == "a"

    warnings = [record for record in caplog.records if "never awaited" in record.message]
    assert [vars(record)["instance_id"] for record in warnings] == ["f"]
    assert "activity mail" in warnings[0].message


def test_an_activity_that_is_not_registered_is_named_in_the_failure() -> None:
    with simulate(app) as world:
        with pytest.raises(perdure.OrchestrationFailedError) as failed:
            world.client.start(misspelt).result(5)

    assert "UnknownActivityError" in str(failed.value)
    assert "'mial'" in str(failed.value)
    assert "@@" not in str(failed.value)


def test_an_event_that_is_waited_for_is_written_as_the_code_writes_it() -> None:
    with simulate(app) as world:
        world.client.start(patient, instance_id="p")
        world.settle()

        assert "'GoOn'" in world.client.why("p")[0].text
