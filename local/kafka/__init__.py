"""A real Kafka on this machine: `make kafka`, or `python -m local.kafka`."""
