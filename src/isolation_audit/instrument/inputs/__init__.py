"""What has come in, and to whose unit of work."""
