"""Prometheus and Grafana for the suite: rules, provisioning, and the source of the dashboards."""
