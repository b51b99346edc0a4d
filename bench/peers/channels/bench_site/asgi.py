"""What `manage.py runworker` runs."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_site.settings")
django.setup()

from channels.routing import ChannelNameRouter, ProtocolTypeRouter  # noqa: E402

from .consumers import BenchConsumer  # noqa: E402
from .task import TASK, report  # noqa: E402

consumer = BenchConsumer.as_asgi()
application = ProtocolTypeRouter(
    {"channel": ChannelNameRouter({name: consumer for name in TASK["channels"]})}
)
report({})
