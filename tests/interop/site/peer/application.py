"""What `manage.py runworker` and Daphne run in the tests: every channel has the same consumer."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
django.setup()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from .consumers import PeerConsumer, RoomConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {"channel": PeerConsumer.as_asgi(), "websocket": RoomConsumer.as_asgi()}
)
