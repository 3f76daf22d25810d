"""A FastAPI service; a person wrote this file."""

import sentry_sdk
from fastapi import BackgroundTasks, FastAPI
from quotes import Receipts, cheapest, per_head

import aiprov_runtime.auto  # noqa: F401  # the one line: telemetry now says which function, model and prompt

sentry_sdk.init(traces_sample_rate=1.0)  # sends nothing unless SENTRY_DSN says where to
app = FastAPI()
receipts = Receipts()


@app.get("/per-head/{total}/{people}")
async def share(total: int, people: int) -> dict[str, float]:
    """Runs on the event loop."""
    return {"each": await per_head(total, people)}


@app.get("/cheapest/{prices}")
def lowest(prices: str) -> dict[str, int]:
    """Runs on a thread."""
    return {"price": cheapest([int(price) for price in prices.split("-") if price])}


@app.post("/orders/{order}")
async def place(order: str, tasks: BackgroundTasks) -> dict[str, str]:
    """Answers first and prints the receipt afterwards."""
    tasks.add_task(receipts.number, order)
    return {"order": order}


@app.get("/stock/{item}")
async def stock(item: str) -> dict[str, int]:
    """Fails in a person's code for what is not there."""
    return {"pieces": {"mug": 3}[item]}
