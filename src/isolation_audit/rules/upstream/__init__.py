"""Between services: a request that was sent in one user's work, and is another user's where it arrives."""
