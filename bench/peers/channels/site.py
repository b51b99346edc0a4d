#!/usr/bin/env python3
"""Daphne, as its command starts it, without an access log: see SiteTask in bench/tasks.ts."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_site.settings")
django.setup()

from daphne.server import Server  # noqa: E402

from bench_site.sockets import application  # noqa: E402
from bench_site.task import on_each_line, report  # noqa: E402


class ReportingServer(Server):
    def listen_success(self, port):
        super().listen_success(port)
        report({"port": port.getHost().port})


def collect():
    gc.collect()
    report({"live": 0})


on_each_line(collect)
ReportingServer(application, endpoints=["tcp:port=0:interface=127.0.0.1"]).run()
