"""The consumers of the tests; PeerConsumer is that of tests/interop/app.ts, in Python."""

import asyncio

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from .actions import send_numbered


class PeerConsumer(AsyncConsumer):
    async def record(self, event):
        """Prints the id."""
        print(event["id"], flush=True)

    async def record_slowly(self, event):
        """Prints the id after a millisecond, so that others get their share."""
        await asyncio.sleep(0.001)
        print(event["id"], flush=True)

    async def send_numbered(self, event):
        """Sends numbered events to a channel: one after the other, or all at once."""
        await send_numbered(
            self.channel_layer, event["channel"], event["count"], event["at_once"]
        )

    async def ask(self, event):
        """Asks somebody, who answers to this consumer's own channel."""
        question = {
            "type": "question",
            "question": event["question"],
            "reply_to": self.channel_name,
        }
        await self.channel_layer.send(event["channel"], question)

    async def question(self, event):
        answer = {"type": "answer", "answer": f"Python to {event['question']}"}
        await self.channel_layer.send(event["reply_to"], answer)

    async def answer(self, event):
        print(event["answer"], flush=True)


class RoomConsumer(AsyncJsonWebsocketConsumer):
    """A WebSocket in the group `room`."""

    groups = ["room"]

    async def receive_json(self, content):
        """Sends a question to a channel; the answer arrives on this consumer's own channel."""
        question = {
            "type": "question",
            "question": content["question"],
            "reply_to": self.channel_name,
        }
        await self.channel_layer.send(content["channel"], question)

    async def answer(self, event):
        await self.send_json(event["answer"])

    async def announcement(self, event):
        """Sends each value as Python writes it, by which its type can be told."""
        await self.send_json({key: repr(value) for key, value in event.items()})
