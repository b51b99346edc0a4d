"""Sends one by one, 64 at once, and 1,000 at once, for want of a call that sends many."""

import asyncio
import time

from bench_site.task import report

from .events import counted_event

# The part of the time that comes first and isn't counted.
WARM_UP = 0.25


async def measure_sending(task, layer):
    channel, seconds = task["channels"][0], task["seconds"]

    def send_to(name):
        return lambda number: layer.send(name, counted_event(number))

    def send_many(number):
        sends = (layer.send(f"{channel}-many", counted_event(i)) for i in range(1_000))
        return asyncio.gather(*sends)

    awaited = await rate(seconds, 1, send_to(f"{channel}-awaited"))
    at_64 = await rate(seconds, 64, send_to(f"{channel}-at-64"))
    calls = await rate(seconds, 1, send_many)
    report({"awaited": awaited, "at64": at_64, "many": calls * 1_000})


async def rate(seconds, lanes, call):
    """Calls per second, by so many lanes, each of which awaits its own calls."""
    await repeat(seconds * WARM_UP, lanes, call)
    return await repeat(seconds, lanes, call)


async def repeat(seconds, lanes, call):
    calls = 0
    start = time.perf_counter()

    async def lane():
        nonlocal calls
        while time.perf_counter() - start < seconds:
            calls += 1
            await call(calls)

    await asyncio.gather(*(lane() for _ in range(lanes)))
    return calls / (time.perf_counter() - start)
