"""What the text of a function says of what it is for."""

import textwrap

import pytest

from isolation_audit.rules.state.openness import accumulates, hands_each, is_restricted, shows_all, sums, takes_keys


def text(source):
    return textwrap.dedent(source).casefold().strip("\n")


@pytest.mark.parametrize(
    "source",
    [
        "def f(): return [s['line'] for s in HERE.values()]",
        "def f(): return {k: v['n'] for k, v in HERE.items()}",
        "def f(): return jsonify(lines=sorted(s for s in HERE.values()), n=len(HERE))",
        "def f(): return max(HERE.values())",
        "def f(): return heapq.nlargest(3, HERE.values())",
        "def f(): return {'lines': sorted(HERE.values())}",
        "def f(): return list(HERE.items())",
        """
        def f():
            return [
                {"user": user, "line": one["line"]}
                for user, one in HERE.items()
            ]
        """,
        """
        def f():
            found = []
            for user, one in sorted(HERE.items()):
                if one:
                    found.append(one)
            return found
        """,
    ],
)
def test_everything_is_shown(source):
    assert shows_all(text(source), "HERE.values()")


@pytest.mark.parametrize(
    "source",
    [
        "def f(): return next(s for s in HERE.values())",
        "def f(): return [s for s in HERE.values()][-1]",
        "def f(): return list(HERE.values())[0]",
        "def f(): return sorted(HERE.values(), key=len)[-1]",
        "def f(): return next(iter(HERE.values()))",
        "def f(): return dict(HERE)",
        "def f(): return [s for s in THERE.values()]",
        """
        def f():
            for one in HERE.values():
                if one:
                    return one
        """,
        """
        def f():
            for one in HERE.values():
                break
            return one
        """,
    ],
)
def test_one_of_all_is_taken(source):
    assert not shows_all(text(source), "HERE.values()")


@pytest.mark.parametrize(
    "source",
    [
        "def f(user):\n    if user != 'root': raise HTTPException(403)",
        "def f(user):\n    if user not in ('root', 'ops'):\n        abort(403)",
        "def f(user):\n    if not user.is_admin:\n        return HttpResponseForbidden()",
        "def f(user):\n    if ROLES[user] != wanted_role:\n        raise PermissionDenied",
        "def f(user):\n    assert user in AGENTS",
        "@admin_required\ndef f(user): pass",
        "@app.post('/admin/banner')\ndef f(user): pass",
        "def f(user=Depends(require_admin)): pass",
        "def f(user):\n    check_permission(user)",
    ],
)
def test_only_some_get_in(source):
    assert is_restricted(text(source))


@pytest.mark.parametrize(
    "source",
    [
        "def f(user): return user",
        "@login_required\ndef f(user): pass",
        "def f(user):\n    if not user: raise HTTPException(403)",
        "def f(user):\n    if doc.owner != user:\n        raise PermissionError('not yours')",
        "def f(user):\n    if request.method == 'POST':\n        return save(user)",
        "def f(user):\n    assert user\n    assert doc.owner == user",
        "def f(user):\n    assert user in doc.readers",
        "def f(user, kind):\n    assert kind in KINDS\n    LAST[kind] = user",
        "def f(user):\n    turns.append({'role': 'user', 'content': text})",
    ],
)
def test_everybody_gets_in(source):
    assert not is_restricted(text(source))


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("sorted(HERE)", True),
        ("', '.join(HERE)", True),
        *(("list(HERE, )", True), ("[*HERE]", True), ("print('here:', *HERE, sep=' ')", True)),
        ("list(HERE.values())", False),
        ("dict(HERE)", False),
        *(("copy(HERE)", False), ("{**HERE}", False), ("2 * HERE", False)),
    ],
)
def test_names_alone_are_taken(source, keys):
    assert takes_keys(text(f"def f(): return {source}"), "HERE") is keys


@pytest.mark.parametrize("source", ["list(HERE.values())", "next(iter(HERE.items()))", "sorted(HERE.values())"])
def test_who_takes_the_values_takes_not_the_keys(source):
    assert not takes_keys(text(f"def f(): return {source}"), "HERE.values()")
    assert not takes_keys(text(f"def f(): return {source}"), "HERE.items()")


@pytest.mark.parametrize(
    ("source", "one"),
    [
        ("median(HERE)", True),
        ("max(HERE.values())", True),
        ("heapq.nlargest(1, HERE)", True),
        ("HERE[0]", False),
        ("sorted(HERE)", False),
        ("max(HEREAFTER)", False),
    ],
)
def test_one_number_is_made_of_all(source, one):
    assert sums(text(f"def f(): return {source}"), "HERE") is one


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("self.total += n", True),
        ("self.total = self.total + n", True),
        ("self.total = max(self.total, n)", True),
        ("self.total = min(n, self.total)", True),
        ("self.total = n", False),
        ("self.total = max(n, 1)", False),
        ("self.total = self.totals[n]", False),
    ],
)
def test_a_number_is_made_of_the_one_before(line, made):
    assert accumulates(line, "self.total") is made


@pytest.mark.parametrize(
    ("source", "handed"),
    [
        ("def f(self, view):\n    for one in self.log:\n        view.apply(one)\n    return view", True),
        ("def f(self, view):\n    for one in self.log:\n        view.apply(one)\n        count(one)\n", True),
        ("def f(self, view):\n    for one in self.log:\n        lines.append(one['text'])\n", False),
        ("def f(self, view):\n    for one in self.log:\n        view.apply(one)\n        return one", False),
        ("async def f(self, to):\n    for one in self.log:\n        await to.send(one)\n", False),
        ("def f(self, view):\n    for one in self.logs:\n        view.apply(one)\n", False),
        ("def f(self, view):\n    return self.log", False),
    ],
)
def test_a_loop_that_hands_each_entry_on(source, handed):
    assert hands_each(text(source), "self.log") is handed
