"""Sends as fast as the layer takes it, until the process is ended."""

import asyncio

from bench_site.task import on_each_line, report
from channels.exceptions import ChannelFull

from .events import counted_event

# As in bench/roles/feed.ts: after a refusal the whole sender waits so long, in seconds.
PAUSE = 0.02


class Feed:
    def __init__(self, channel, layer):
        self.channel = channel
        self.layer = layer
        self.sent = 0
        self.refused = 0
        self.pausing = None

    def report(self):
        report({"sent": self.sent, "refused": self.refused})

    async def lane(self):
        while True:
            if self.pausing:
                await self.pausing
            try:
                await self.layer.send(self.channel, counted_event(self.sent))
                self.sent += 1
            except ChannelFull:
                self.refused += 1
                if not self.pausing:
                    self.pausing = asyncio.ensure_future(self.pause())
                await self.pausing

    async def pause(self):
        await asyncio.sleep(PAUSE)
        self.pausing = None


async def feed(task, layer):
    sender = Feed(task["channels"][0], layer)
    on_each_line(sender.report)
    await asyncio.gather(*(sender.lane() for _ in range(task["lanes"])))
