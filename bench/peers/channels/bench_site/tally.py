"""Counts what this worker handles."""

from .task import TASK, now, on_each_line, report


class Tally:
    def __init__(self, expected):
        self.expected = expected
        self.handled = 0
        self.first_at = 0
        self.latencies = []

    def count(self):
        self.handled += 1
        if self.handled == 1:
            self.first_at = now()
        if self.handled == self.expected:
            self.report()

    def time(self, sent_at):
        self.latencies.append(now() - sent_at)
        self.count()

    def report(self):
        milliseconds = now() - self.first_at if self.handled else 0
        report(
            {
                "handled": self.handled,
                "milliseconds": milliseconds,
                "latencies": self.latencies,
            }
        )


tally = Tally(TASK.get("expected", 0))
on_each_line(tally.report)
