"""Predictions as Server-Sent Events: `/predictions/stream`.

A thread turns the records of `videopredictions` into events (feed.py). The newest of them are in one log that all
readers share (log.py); a reader of the stream is a cursor in it (stream.py). A reader that comes back with an id that
is older than the log gets what it missed from the bus first (replay.py).

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""
