"""Starts the service: `python -m consumer`; `--help` lists its settings."""

from shared.process.startup import start

if __name__ == "__main__":
    start("consumer.service")
