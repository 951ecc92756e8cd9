"""Starts the service: `python -m producer`; `--help` lists its settings."""

from shared.process.startup import start

if __name__ == "__main__":
    start("producer.service")
