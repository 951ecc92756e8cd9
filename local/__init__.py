"""The whole suite on one machine: `make run`, or `python -m local`."""
