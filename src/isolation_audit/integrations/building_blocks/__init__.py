"""What integrations share: requests, connections, caches, jobs, servers; no library of its own is named here."""
