"""What is asked before and after an instrumented call."""
