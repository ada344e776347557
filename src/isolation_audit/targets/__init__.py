"""The kinds of instrumented points, one file each: what is read around a call, and which observation comes of it."""
