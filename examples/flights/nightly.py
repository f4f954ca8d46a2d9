"""The nightly orchestration: closes the books of one day.

It fans out over the airlines that flew, has somebody approve what is out of the ordinary, and
posts all books in one transaction: in every airline's ledger and in the one of all together, or
in none. It may be killed anywhere; each book is posted once.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

import perdure
from examples.flights.entities import Carrier, DayBook, Ledger, app

ALL = "all"
"""The key of the ledger of all airlines."""
OUTLIER_MINUTES, OUTLIER_FLIGHTS = 40, 100
APPROVAL = "Approval"


@attrs.frozen
class Night:
    """The day that is over, and how many flights each airline had in it."""

    day: str
    flights: dict[str, int]


@app.activity
def is_outlier(book: DayBook) -> bool:
    """Whether somebody should look at a day: many flights, and all of them late."""
    left = book.flights - book.cancelled
    return left >= OUTLIER_FLIGHTS and book.mean_delay >= OUTLIER_MINUTES


@app.orchestrator
async def close_the_day(ctx: perdure.OrchestrationContext, night: Night) -> int:
    """Post the books of one day; how many flights it had."""
    books = await _books_of(ctx, night)
    verdicts = await perdure.when_all(
        [ctx.call_activity(is_outlier, book) for book in books.values()]
    )
    outliers = [carrier for carrier, is_one in zip(books, verdicts, strict=True) if is_one]
    if outliers:
        late = {carrier: round(books[carrier].mean_delay) for carrier in outliers}
        ctx.set_custom_status({"outliers": late})
        await ctx.wait_for_external_event(APPROVAL)
        ctx.set_custom_status({"approved": late})
    await _post(ctx, books, outliers)
    return sum(book.flights for book in books.values())


async def _books_of(ctx: perdure.OrchestrationContext, night: Night) -> dict[str, DayBook]:
    """Every airline's book of the day, once all of its flights are in."""
    books: dict[str, DayBook] = {}
    while True:
        missing = [carrier for carrier in night.flights if carrier not in books]
        closed = await perdure.when_all(
            [
                ctx.entity(Carrier, carrier).call(
                    Carrier.close, night.day, night.flights[carrier]
                )
                for carrier in missing
            ]
        )
        books |= {one: book for one, book in zip(missing, closed, strict=True) if book}
        if len(books) == len(night.flights):
            return books
        await ctx.create_timer(timedelta(seconds=1))


async def _post(
    ctx: perdure.OrchestrationContext, books: dict[str, DayBook], outliers: list[str]
) -> None:
    """All ledgers, or none."""
    together = ctx.entity(Ledger, ALL)
    ledgers = {carrier: ctx.entity(Ledger, carrier) for carrier in books}
    async with ctx.transaction(together, *ledgers.values()):
        posted = [
            ledger.call(Ledger.post, books[carrier], int(carrier in outliers))
            for carrier, ledger in ledgers.items()
        ]
        total = sum(books.values(), DayBook())
        posted.append(together.call(Ledger.post, total, len(outliers)))
        await perdure.when_all(posted)
