"""What everything else stands on: forks, entry points, environment variables, classes that are cheap to define."""
