"""What ../../chaos/app.ts is for our worker: each event is written down before anything else happens."""

import asyncio
import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chaos_settings")
django.setup()

from channels.consumer import AsyncConsumer  # noqa: E402
from channels.exceptions import StopConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402

JOURNAL = os.open(os.environ["CHAOS_JOURNAL"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)


def note(event):
    os.write(JOURNAL, f"handled {event['id']} {int(time.time() * 1000)}\n".encode())


class ChaosConsumer(AsyncConsumer):
    async def steady(self, event):
        note(event)
        await asyncio.sleep(0.01)

    async def fail(self, event):
        note(event)
        raise RuntimeError(f"failed on purpose at {event['id']}")

    async def stray(self, event):
        note(event)

        async def fail_later():
            await asyncio.sleep(0.005)
            raise RuntimeError("strayed on purpose")

        asyncio.ensure_future(fail_later())

    async def oddly(self, event):
        note(event)
        raise "no exception"

    async def stop(self, event):
        note(event)
        raise StopConsumer()

    async def forever(self, event):
        note(event)
        await asyncio.Event().wait()

    async def files(self, event):
        note(event)
        files = []
        try:
            while True:
                files.append(open("/dev/null"))
        except OSError:
            await asyncio.sleep(1)
        for file in files:
            file.close()

    async def burn(self, event):
        note(event)
        end = time.time() + 2
        while time.time() < end:
            pass


async def returning(scope, receive, send):
    pass


class Unbuildable(AsyncConsumer):
    def __init__(self):
        raise RuntimeError("no paper")


APPLICATIONS = {"returning": returning, "unbuildable": Unbuildable.as_asgi()}
consumer = APPLICATIONS.get(os.environ.get("CHAOS_APP"), ChaosConsumer.as_asgi())
application = ProtocolTypeRouter({"channel": consumer})
