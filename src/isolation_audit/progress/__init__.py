"""The burn-down of what is deprecated: source and run time in one matrix, a ratchet, a history."""
