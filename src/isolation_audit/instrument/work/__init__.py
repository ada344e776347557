"""What integrations tell of the work that runs: its routes, jobs, scopes and sessions, and the libraries at work."""
