#!/usr/bin/env python3
"""The entry of the Django project that stands for Python's Channels in the bench."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_site.settings")
    execute_from_command_line(sys.argv)
