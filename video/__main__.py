"""Starts the service: `python -m video`; `--help` lists its settings."""

from shared.process.startup import start

if __name__ == "__main__":
    start("video.service")
