"""Paths of the configuration against the code that they will be applied to: what ``isolation-audit check`` can tell."""
