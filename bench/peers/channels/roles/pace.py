"""Sends one event every so many milliseconds, into the channels in turn."""

import asyncio
import time

from bench_site.task import now, report

from .events import counted_event, timed_event


async def pace(task, layer):
    channels, every, warm_up = task["channels"], task["every"] / 1000, task["warmUp"]
    due = time.perf_counter()
    for number in range(warm_up + task["count"]):
        channel = channels[number % len(channels)]
        is_warm = number >= warm_up
        event = timed_event(now()) if is_warm else counted_event(number)
        await layer.send(channel, event)
        # One that is late doesn't make the next ones come in a burst.
        due = max(due + every, time.perf_counter())
        await asyncio.sleep(due - time.perf_counter())
    report({})
