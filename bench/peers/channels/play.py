#!/usr/bin/env python3
"""What runs in each process of Python's Channels that is no worker: see bench/tasks.ts."""

import asyncio
import os

from channels.layers import get_channel_layer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_site.settings")

from bench_site.task import TASK  # noqa: E402
from roles import feed, groups, pace, send  # noqa: E402

ROLES = {
    "send": send.measure_sending,
    "pace": pace.pace,
    "feed": feed.feed,
    "join": groups.join,
    "groupSend": groups.group_send,
}

asyncio.run(ROLES[TASK["role"]](TASK, get_channel_layer()))
