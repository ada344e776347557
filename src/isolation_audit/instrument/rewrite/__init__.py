"""Depth ``state``: modules rewritten at import tell a listener what they keep and what they read. Knows no rule."""
