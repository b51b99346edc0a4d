"""A process-local channel that nobody reads, for Channels: python3 unread.py redis://HOST:PORT

1,000 messages are sent to it, with a capacity of 100, while another one of the same layer is read.
Prints how many were refused, and which of the others can still be received.
"""

import asyncio
import sys

from channels.exceptions import ChannelFull
from channels_redis.core import RedisChannelLayer

CONFIG = {"hosts": [sys.argv[1]], "capacity": 100}


async def send(channel, count):
    sender = RedisChannelLayer(**CONFIG)
    refused = 0
    for number in range(count):
        try:
            await sender.send(channel, {"type": "count", "number": number})
        except ChannelFull:
            refused += 1
    return refused


async def receive(layer, channel):
    numbers = []
    while True:
        try:
            message = await asyncio.wait_for(layer.receive(channel), 1)
        except asyncio.TimeoutError:
            return numbers
        numbers.append(message["number"])


async def main():
    layer = RedisChannelLayer(**CONFIG)
    unread, other = await layer.new_channel(), await layer.new_channel()
    reading = asyncio.ensure_future(layer.receive(other))
    await asyncio.sleep(0.2)
    refused = await send(unread, 1000)
    await asyncio.sleep(1)
    numbers = await receive(layer, unread)
    print(f"{refused} refused, {len(numbers)} received: {numbers[0]} to {numbers[-1]}")
    reading.cancel()


asyncio.run(main())
