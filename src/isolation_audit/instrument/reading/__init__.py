"""Values of calls and of the application's objects, read without running its code."""
