"""`make obs`: what dashboards, alerts and metrics have to pass, each check with its name."""
