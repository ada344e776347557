"""What each of these applications does wrong: it keeps one "last user" for everybody."""

LAST = []


def own(user):
    return f"hello {user}"


def last(user):
    """The name of whoever asked before, and from now on the user's own."""
    before = LAST[-1] if LAST else "nobody"
    LAST.append(user)
    return f"before you: {before}"
