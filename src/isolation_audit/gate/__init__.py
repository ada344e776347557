"""Whether a deployment may go on."""
