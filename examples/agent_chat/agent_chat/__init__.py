"""A small multi-user agent chat backend: users log in, ask over a WebSocket, and watch an agent work."""
