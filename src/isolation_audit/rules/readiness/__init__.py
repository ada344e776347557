"""IA307 and IA308: connections that are used too early or too late."""
