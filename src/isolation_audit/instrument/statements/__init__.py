"""What statements of SQL change in the session that runs them."""
