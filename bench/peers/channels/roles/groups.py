"""Members of a group, and one who sends to it."""

import asyncio
import sys

from bench_site.task import now, report

from .events import counted_event


async def join(task, layer):
    """Receives on channels of this process; reports when all have an event."""
    received = 0

    async def receive(channel):
        nonlocal received
        while True:
            await layer.receive(channel)
            received += 1
            if received % task["members"] == 0:
                report({"at": now()})

    channels = [await layer.new_channel() for _ in range(task["members"])]
    for channel in channels:
        await layer.group_add(task["group"], channel)
    receiving = asyncio.gather(*(receive(channel) for channel in channels))
    report({})
    await receiving


async def group_send(task, layer):
    """Sends to a group each time it is told to."""
    loop = asyncio.get_running_loop()
    report({})
    while await loop.run_in_executor(None, sys.stdin.readline):
        at = now()
        await layer.group_send(task["group"], counted_event(0))
        report({"at": at})
