"""Whom an object was made for: its closures say so, and not what a pool of connections has collected."""

from functools import partial

from sqlalchemy import create_engine, literal, select
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import NullPool

from isolation_audit.rules.state.made_for import is_made_for


def test_statements_that_an_engine_has_seen_are_nobodys():
    engine = create_engine("sqlite://", poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.execute(select(literal("member-001"))).scalar() == "member-001"
    assert not is_made_for(sessionmaker(engine), "member-001")
    assert not is_made_for({"engine": engine}, "member-001")
    assert is_made_for(partial(sessionmaker(engine), info={"user": "member-001"}), "member-001")
