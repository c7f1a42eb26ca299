"""Listings as servers really page them: filtered, clamped, moving under the crawl, repeating."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from satchel.paging import FEW, REPEATS, STALE_PAGES, WINDOW, Paging, Recent
from satchel.paging import Listing as Walked

TURNS = 2_000
"""More than any listing of these tests may take."""


class Listing:
    """A server's listing. Row numbers are identities.

    :param rows: what it has
    :param clamp: the server's own largest page
    :param private: rows that are left out of a page after it was cut
    """

    def __init__(
        self, rows: list[int], clamp: int = 10**6, private: frozenset[int] = frozenset()
    ) -> None:
        self.rows = rows
        self.clamp = clamp
        self.private = private
        self.asked = 0

    def page(self, take: int, skip: int) -> list[int]:
        self.asked += 1
        cut = self.rows[skip : skip + min(take, self.clamp)]
        return [row for row in cut if row not in self.private]


def read(listing: Listing, paging: Paging, changes: Iterator[None] | None = None) -> list[int]:
    found: list[int] = []
    for _ in range(TURNS):
        page = listing.page(paging.take, paging.skip)
        found += paging.turn(len(page), [(row, row) for row in page])
        if paging.done:
            return found
        if changes is not None:
            next(changes, None)
    raise AssertionError("the listing does not end")


@given(st.integers(0, 120), st.integers(1, 40), st.integers(1, 40))
def test_each_row_once_whatever_the_server_clamps(total: int, take: int, clamp: int) -> None:
    paging = Paging(take)
    assert read(Listing(list(range(total)), clamp), paging) == list(range(total))
    assert not paging.repeats


@given(st.integers(0, 500), st.integers(2, 40))
def test_few_requests_more_than_pages(total: int, take: int) -> None:
    listing = Listing(list(range(total)))
    read(listing, Paging(take))
    assert listing.asked == -(-total // take) + 1


@st.composite
def filtered(draw: st.DrawFn) -> tuple[list[int], int, frozenset[int]]:
    """Rows, take, and private rows, never so many in a row that a page would show nothing new."""
    take = draw(st.integers(3, 20))
    total = draw(st.integers(0, 150))
    private: set[int] = set()
    run = 0
    for row in range(total):
        run = run + 1 if run < take - 2 and draw(st.booleans()) else 0
        if run:
            private.add(row)
    return list(range(total)), take, frozenset(private)


@given(filtered())
def test_filtered_rows(case: tuple[list[int], int, frozenset[int]]) -> None:
    rows, take, private = case
    found = read(Listing(rows, private=private), Paging(take))
    assert found == [row for row in rows if row not in private]


@given(st.integers(1, 60), st.integers(3, 20))
def test_new_rows_on_top_are_no_reason_to_miss_one(total: int, take: int) -> None:
    listing = Listing(list(range(total)))

    def grow() -> Iterator[None]:
        for new in range(-1, -6, -1):
            listing.rows.insert(0, new)
            yield

    found = read(listing, Paging(take), grow())
    assert len(found) == len(set(found))
    assert set(range(total)) <= set(found)


@given(st.integers(1, 60), st.integers(1, 40))
def test_a_server_that_knows_no_skip_is_left(total: int, take: int) -> None:
    paging = Paging(take)
    found: list[int] = []
    turns = 0
    while not paging.done:
        turns += 1
        found += paging.turn(total, [(row, row) for row in range(total)])
    assert found == list(range(total))
    assert turns <= 1 + STALE_PAGES + REPEATS
    assert paging.repeats or total == 1


@given(st.integers(1, 120), st.integers(1, 40), st.sets(st.integers(0, 200)))
def test_a_page_that_comes_as_the_first_one_by_mistake(
    total: int, take: int, mistaken: set[int]
) -> None:
    """Never three times in a row."""
    listing, paging = Listing(list(range(total))), Paging(take)
    found: list[int] = []
    in_a_row = 0
    for turn in range(TURNS):
        mistake = turn in mistaken and in_a_row < REPEATS
        in_a_row = in_a_row + 1 if mistake else 0
        page = listing.page(paging.take, 0 if mistake else paging.skip)
        found += paging.turn(len(page), [(row, row) for row in page])
        if paging.done:
            break
    assert found == list(range(total))
    assert not paging.repeats


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=60), st.integers(1, 12))
def test_any_answers_end_and_repeat_nothing(pages: list[list[int]], take: int) -> None:
    """The last page comes again and again."""
    paging = Paging(take)
    found: list[int] = []
    for turn in range(TURNS):
        page = pages[min(turn, len(pages) - 1)] if pages else []
        found += paging.turn(len(page), [(row, row) for row in page])
        if paging.done:
            break
    assert paging.done
    assert len(found) == len(set(found))


@given(st.integers(0, 120), st.integers(1, 40), st.integers(1, 60), st.integers(1, 40))
def test_limit(total: int, take: int, limit: int, clamp: int) -> None:
    listing = Listing(list(range(total)), clamp)
    assert read(listing, Paging(take, limit)) == list(range(min(total, limit)))


def test_a_limit_asks_for_no_large_page() -> None:
    assert Paging(100, 30).take == 30
    assert Paging(100, 1).take == FEW
    assert Paging(5, 1).take == 5


def test_a_limit_is_met_though_the_first_rows_are_private() -> None:
    listing = Listing(list(range(50)), private=frozenset(range(FEW - 1)))
    assert read(listing, Paging(100, 1)) == [FEW - 1]


def test_a_listing_that_is_private_for_the_most_part() -> None:
    rows = list(range(1000))
    listing = Listing(rows, private=frozenset(row for row in rows if row % 100 < 95))
    paging = Paging(100)
    assert read(listing, paging) == [row for row in rows if row % 100 >= 95]
    assert not paging.repeats


def test_unusable_rows_are_stepped_over() -> None:
    rows = list(range(40))
    paging = Paging(10)
    found: list[int] = []
    for _ in range(TURNS):
        page = rows[paging.skip : paging.skip + paging.take]
        found += paging.turn(len(page), [(row, row) for row in page if row % 3])
        if paging.done:
            break
    assert paging.done
    assert sorted(found) == [row for row in rows if row % 3]


@given(st.lists(st.integers(0, 300)), st.integers(1, 20))
def test_recent_remembers_at_least_so_many_and_not_all(added: list[int], least: int) -> None:
    recent = Recent(least)
    for identity in added:
        recent.add(identity)
    assert all(identity in recent for identity in added[-least:])
    assert sum(identity in recent for identity in set(added)) <= 2 * least


def test_a_long_listing_in_bounded_memory() -> None:
    total = 5 * WINDOW
    paging = Paging(1000)
    assert read(Listing(list(range(total))), paging) == list(range(total))
    assert len(paging._seen._new) + len(paging._seen._old) <= 2 * WINDOW


def test_a_page_larger_than_what_is_remembered() -> None:
    paging = Paging(100)
    rows = [(row, row) for row in range(3 * WINDOW)]
    found = 0
    while not paging.done:
        found += len(paging.turn(len(rows), rows))
    assert found == len(rows)
    assert paging.repeats


STEP = 10


def walk_through(
    rows: list[int],
    listing: Walked,
    walks: int = 1,
    change: Callable[[list[int]], None] = lambda rows: None,
    order: Callable[[int], int] = lambda n: 0,
    served: Callable[[list[int], int], list[int]] = lambda rows, at: rows[at : at + STEP],
) -> tuple[list[int], int]:
    """What is found, and with how many requests.

    :param change: happens to the listing before each page is cut
    :param order: of so many requests under way, which one is answered
    :param served: what the server answers: (rows, offset) → rows
    """
    found: list[int] = []
    under_way = [listing.walk()]
    for asked in range(TURNS):
        if not under_way:
            return found, asked
        walk = under_way.pop(order(len(under_way)))
        change(rows)
        page = served(rows, walk.offset)
        found += walk.turn(len(page), [(row, row) for row in page])
        if not walk.done:
            under_way += walk.split(walks)
    raise AssertionError("the listing does not end")


@given(st.integers(0, 500), st.integers(1, 8))
def test_walks_share_a_listing(total: int, walks: int) -> None:
    listing = Walked(STEP, total=total)
    found, asked = walk_through(list(range(total)), listing, walks)
    assert sorted(found) == list(range(total))
    assert asked <= total // STEP + walks
    assert listing.has_ended
    assert not listing.has_shrunk


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 6), st.integers(0))
@example(100, 1, 38_168_964_684_099)
def test_what_is_there_throughout_is_found_whatever_comes_in(
    total: int, walks: int, seed: int
) -> None:
    random, new, turns = Random(seed), itertools.count(1_000), itertools.count()

    def change(rows: list[int]) -> None:
        if next(turns) < 30 and random.random() < 0.25:
            at = random.choice([0, 0, 0, len(rows) // 2, len(rows)])
            rows[at:at] = itertools.islice(new, random.choice([1, 2, STEP, 7 * STEP]))

    listing = Walked(STEP, total=total)
    rows = list(range(total))
    found, _ = walk_through(rows, listing, walks, change, random.randrange)
    assert len(found) == len(set(found))
    if listing.was_left:
        # Many pages of rows came in more than once, at places that were passed: that is said.
        assert len(rows) > total + 7 * STEP
    else:
        assert set(range(total)) <= set(found)


def test_a_limit_ends_all_walks() -> None:
    listing = Walked(STEP, limit=25, total=1_000)
    found, asked = walk_through(list(range(1_000)), listing)
    assert found == list(range(25))
    assert asked == 3


def test_a_server_that_repeats_a_page_for_ever_is_left() -> None:
    listing = Walked(STEP, total=1_000)
    found, asked = walk_through([], listing, 4, served=lambda rows, at: list(range(STEP)))
    assert sorted(found) == list(range(STEP))
    assert asked < 4 * (REPEATS + STALE_PAGES + 2)
    found, asked = walk_through([], Walked(STEP), served=lambda rows, at: list(range(STEP)))
    assert asked == 1 + REPEATS + STALE_PAGES


def test_a_server_that_goes_round_in_a_circle_is_left() -> None:
    def served(rows: list[int], at: int) -> list[int]:
        return rows[at % 70 : at % 70 + STEP]

    found, asked = walk_through(list(range(70)), Walked(STEP), served=served)
    assert found == list(range(70))
    assert asked < 7 + WINDOW // STEP


def test_the_first_page_in_place_of_another_is_asked_for_again() -> None:
    slips = {30: 1, 50: REPEATS}

    def served(rows: list[int], at: int) -> list[int]:
        slips[at] = slips.get(at, 0) - 1
        return rows[:STEP] if slips[at] >= 0 else rows[at : at + STEP]

    rows = list(range(95))
    found, asked = walk_through(rows, Walked(STEP), served=served)
    assert found == rows
    assert asked == 10 + 1 + REPEATS


def test_what_vanishes_is_known_by_the_total() -> None:
    listing = Walked(STEP)
    listing.note(100, 140)
    assert (listing.total, listing.rows, listing.has_shrunk) == (100, 140, False)
    listing.note(None)
    listing.note(101)
    assert not listing.has_shrunk
    listing.note(99)
    assert listing.has_shrunk
