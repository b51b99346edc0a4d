"""What a layer of Channels does with what no worker sees: python3 layer_faults.py redis://HOST:PORT

Prints a line for each fault.
"""

import asyncio
import sys
import time

import msgpack
from channels.exceptions import ChannelFull
from channels_redis.core import RedisChannelLayer

CONFIG = {"hosts": [sys.argv[1]], "capacity": 100}


async def receive_all(layer, channel):
    """All that comes to a channel until nothing comes for a second, or what ended it."""
    messages = []
    while True:
        try:
            messages.append(await asyncio.wait_for(layer.receive(channel), 1))
        except asyncio.TimeoutError:
            return messages
        except Exception as error:
            return f"{type(error).__name__}: {error}"


async def unread():
    """1,000 messages to a process-local channel that nobody reads, while another one is read."""
    layer, sender = RedisChannelLayer(**CONFIG), RedisChannelLayer(**CONFIG)
    channel, other = await layer.new_channel(), await layer.new_channel()
    reading = asyncio.ensure_future(layer.receive(other))
    await asyncio.sleep(0.2)
    refused = 0
    for number in range(1000):
        try:
            await sender.send(channel, {"type": "count", "number": number})
        except ChannelFull:
            refused += 1
    await asyncio.sleep(1)
    numbers = [message["number"] for message in await receive_all(layer, channel)]
    reading.cancel()
    return f"{refused} refused, {len(numbers)} received: {numbers[0]} to {numbers[-1]}"


async def addressed(envelope):
    """A message to a process-local channel whose envelope is strange, and then a good one."""
    layer = RedisChannelLayer(**CONFIG)
    channel = await layer.new_channel()
    message = msgpack.packb({"type": "strange", **envelope})
    key = "asgi" + channel.split("!")[0] + "!"
    await layer.connection(layer.consistent_hash(key)).zadd(
        key, {b"123456789012" + message: time.time()}
    )
    await layer.send(channel, {"type": "good"})
    return str(await receive_all(layer, channel))


async def named(name):
    """A send to a channel whose name isn't valid."""
    try:
        await RedisChannelLayer(**CONFIG).send(name, {"type": "count"})
        return "sent"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def with_clock_set_back():
    """Five messages, the clock 5 s slow for the third and the fourth."""
    layer, now = RedisChannelLayer(**CONFIG), time.time
    for number in range(5):
        time.time = (lambda: now() - 5) if number in (2, 3) else now
        await layer.send("letters", {"type": "count", "number": number})
    time.time = now
    return str([message["number"] for message in await receive_all(layer, "letters")])


async def main():
    print("the clock is set back by 5 s:", await with_clock_set_back())
    print("nobody reads a process-local channel:", await unread())
    for value in (5, [5], "somebody.else!x", "a\nb"):
        print(f"__asgi_channel__ {value!r}:", await addressed({"__asgi_channel__": value}))
    print("no __asgi_channel__:", await addressed({}))
    for name in ("a\nb", "a b", "a" * 100):
        print(f"the name {name!r}:", await named(name))


asyncio.run(main())
