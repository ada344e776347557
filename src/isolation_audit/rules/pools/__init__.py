"""IA505: what a pooled connection keeps of its last user."""
