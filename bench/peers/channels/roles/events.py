"""The events of the bench: the same as in bench/roles/events.ts."""


def counted_event(number):
    return {"type": "bench.count", "id": 123_456_789 + number}


def timed_event(sent_at):
    return {"type": "bench.timed", "sentAt": sent_at}
