"""The blast radius, from journals: which users could have seen whose data, from when to when, first in which run."""
