"""Draws every panel with Grafana's own chart components in a headless Chromium: the rest of `make obs-full`."""
