"""Does what each line of its input says, with the real channels_redis, and answers by a line."""

import asyncio
import json
import sys

from channels_redis.core import RedisChannelLayer
from django.conf import settings
from django.core.management import BaseCommand

from peer import actions, layers

PATIENCE = 20


class Command(BaseCommand):
    def handle(self, **options):
        asyncio.run(serve())


async def serve():
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = []
    async for line in reader:
        tasks.append(asyncio.create_task(answer(**json.loads(line))))


async def answer(id, **order):
    try:
        outcome = {"value": await asyncio.wait_for(carry_out(**order), PATIENCE)}
    except Exception as error:
        outcome = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"id": id, **outcome}), flush=True)


async def carry_out(layer, method, args):
    subject = layer_of(**layer)
    if hasattr(actions, method):
        return await getattr(actions, method)(subject, *args)
    return await getattr(subject, method)(*args)


made = {}


def layer_of(name="RedisChannelLayer", **config):
    key = json.dumps([name, config])
    if key not in made:
        backend = getattr(layers, name, RedisChannelLayer)
        made[key] = backend(hosts=settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"], **config)
    return made[key]
