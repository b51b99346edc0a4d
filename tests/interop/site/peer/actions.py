"""What the tests ask of a layer beyond its own methods; each takes the layer first."""

import asyncio
import math

from .values import difference, random_message


async def send_numbered(layer, channel, count, at_once):
    events = [layer.send(channel, {"type": "record", "id": id}) for id in range(count)]
    if at_once:
        await asyncio.gather(*events)
    else:
        for event in events:
            await event


async def echo(layer, source, target):
    """Sends back what comes, for ever."""
    while True:
        await layer.send(target, await layer.receive(source))


async def receive_kinds(layer, channel):
    """What Python takes the values of a message for."""
    message = await layer.receive(channel)
    return {key: type(value).__name__ for key, value in message.items()}


async def send_random(layer, target, source, seed, count):
    """Sends messages of Python's making; gives those that came back otherwise."""
    messages = [random_message(seed + number) for number in range(count)]
    for message in messages:
        await layer.send(target, message)
    back = [await layer.receive(source) for _ in messages]
    differences = (difference(*pair) for pair in zip(back, messages))
    return [found for found in differences if found]


async def send_numbers(layer, channel):
    """Sends numbers that only one of the two sides can send."""
    numbers = [2**63, 2**64 - 1, math.nan, math.inf, -math.inf]
    await layer.send(channel, {"type": "test.event", "numbers": numbers})


async def announce(layer, group, number):
    """Sends what ANNOUNCEMENT of tests/interop/app.ts is, with a number, to a group."""
    await layer.group_send(
        group,
        {
            "type": "announcement",
            "text": "Grüße 😀",
            "id": 2**60,
            "ratio": 0.5,
            "zero": -0.0,
            "bytes": b"\0\xff",
            "nothing": None,
            "list": [1, True, {"inner": {}}],
            "number": number,
        },
    )


async def close(layer):
    await layer.close_pools()
