"""What Daphne serves: the same as bench/roles/site.ts."""

import json

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from .task import TASK

GREETING = b"Hello, world"


async def greet(scope, receive, send):
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(GREETING)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": GREETING})


class EchoConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data, bytes_data)


class MemberConsumer(AsyncWebsocketConsumer):
    """A WebSocket in a group, whose events it sends on."""

    groups = [TASK.get("group")]

    async def bench_count(self, event):
        await self.send(json.dumps(event))


application = ProtocolTypeRouter(
    {
        "http": greet,
        "websocket": URLRouter(
            [
                path("echo", EchoConsumer.as_asgi()),
                path("group", MemberConsumer.as_asgi()),
            ]
        ),
    }
)
