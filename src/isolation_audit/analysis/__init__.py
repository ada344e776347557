"""Pure functions: what code, text and statements say by themselves. Nothing here knows a rule or a library's hooks."""
