"""The content witness: whose identifiers are inside a payload."""
