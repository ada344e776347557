"""Prometheus, Alertmanager, a webhook and the example chat on loopback: for `make stack`, `make obs` and pictures."""
