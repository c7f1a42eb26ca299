"""The order of roles."""

from __future__ import annotations

import pytest

from satchel.kemono.values import AccountRole


def test_roles_are_words_in_order() -> None:
    consumer, moderator, administrator = AccountRole
    assert [f"{role}" for role in AccountRole] == ["consumer", "moderator", "administrator"]
    assert AccountRole("moderator") is moderator
    # As words, the administrator would be the first.
    assert consumer < moderator < administrator
    assert sorted([administrator, consumer, moderator]) == [consumer, moderator, administrator]
    assert moderator <= moderator <= administrator
    assert administrator > moderator >= moderator
    assert not moderator > administrator
    assert moderator == "moderator"


@pytest.mark.parametrize("word", ["superuser", "", "Administrator"])
def test_a_word_that_is_no_role_ranks_below_all(word: str) -> None:
    for role in AccountRole:
        assert word < role
        assert role > word
        assert not role <= word
        assert not word >= role
