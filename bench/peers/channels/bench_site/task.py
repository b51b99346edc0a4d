"""The task of this process, and how it talks to the bench: see bench/tasks.ts."""

import json
import os
import sys
import threading
import time

TASK = json.loads(os.environ["BENCH_TASK"])


def report(what):
    """Reports to the bench: one line of JSON."""
    print(json.dumps(what), flush=True)


def now():
    """Milliseconds since 1970, with fractions."""
    return time.time() * 1000


def on_each_line(act):
    """Does something for each line that the bench tells, in a thread that else sleeps."""

    def listen():
        for _line in sys.stdin:
            act()

    threading.Thread(target=listen, daemon=True).start()
