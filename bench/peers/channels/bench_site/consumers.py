"""The consumer of the bench: its handlers do nothing but count."""

from channels.consumer import AsyncConsumer

from .tally import tally


class BenchConsumer(AsyncConsumer):
    async def bench_count(self, event):
        tally.count()

    async def bench_timed(self, event):
        tally.time(event["sentAt"])
