"""The parts: each module declares rows and measures them."""
