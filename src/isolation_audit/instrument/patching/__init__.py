"""Puts code of ours into the application's functions, when their module is imported, and takes it out again."""
