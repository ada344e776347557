"""Mechanisms: what is watched without targets. One file each; integrations feed them, detectors judge."""
