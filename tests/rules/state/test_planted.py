"""Leaks that are planted into random code: each kind is found wherever it stands, and its twin is silent."""

from __future__ import annotations

import importlib
import os
import sys
from collections import Counter

from planted import KINDS, names, program

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity

COUNT = 6 * len(KINDS)
SAID = {"alice": "the pin of card {} is 47-11", "bob": "please buy {} bottles of milk"}


def found(tmp_path, monkeypatch, *, leaks: bool) -> set[int]:
    """The numbers of the programs about which something is reported."""
    monkeypatch.syspath_prepend(tmp_path)
    stem = f"planted_{os.getpid()}_{'leak' if leaks else 'twin'}_"
    config = tmp_path / "isolation-audit.toml"
    config.write_text('[audit]\ndepth = "state"\n')
    for number in range(COUNT):
        (tmp_path / f"{stem}{number}.py").write_text(program(number, leaks=leaks))
    with Auditor(load_config(config)) as auditor:
        handlers = [importlib.import_module(f"{stem}{number}").handle for number in range(COUNT)]
        for user, said in SAID.items():
            for number, handle in enumerate(handlers):
                with user_scope(user):
                    answer = handle(user, said.format(number))
                    assert leaks or str(number) in str(answer)
    for name in [name for name in sys.modules if name.startswith(stem)]:
        del sys.modules[name]
    assert auditor.runtime.barrier.counts == {}
    told = [entry.finding for entry in auditor.recorder.entries()]
    files = [one.site.top.file for one in told if one.rule == "IA402" and one.severity is not Severity.NOTE]
    return {int(file.rpartition("_")[2].removesuffix(".py")) for file in files}


def test_each_kind_is_found(tmp_path, monkeypatch):
    seen = found(tmp_path, monkeypatch, leaks=True)
    planted, by_kind = Counter(names(n)[0] for n in range(COUNT)), Counter(names(n)[0] for n in seen)
    for kind, count in planted.items():
        print(f"{kind}: {by_kind[kind]} of {count} found")
    assert [names(number) for number in range(COUNT) if number not in seen] == []


def test_twins_are_silent(tmp_path, monkeypatch):
    assert [names(number) for number in found(tmp_path, monkeypatch, leaks=False)] == []
