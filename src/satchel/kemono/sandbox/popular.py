"""Popular posts and all tags: reference sections 10.7 and 10.8."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zlib import crc32

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import STEP, Call, refuse
from satchel.kemono.sandbox.index import tags
from satchel.kemono.world import NOW, Record

_DAYS: Final = {"recent": 1, "day": 1, "week": 7, "month": 31}
_MOST: Final = 500
_LOTS: Final = 100
_EARLIEST: Final = "2021-01-01"


def popular(call: Call) -> object:
    """Section 10.7."""
    period = call.query.get("period", "recent")
    if period not in _DAYS:
        raise refuse(400, "period is not valid.")
    day = _day(call)
    found = _favoured(call, period, day)
    rows = [
        render.summary(post, call.site.quirks(post)) | {"fav_count": count}
        for count, post in call.page(found)
    ]
    return {
        "info": _info(period, day),
        "props": {
            "currentPage": "popular_posts",
            "today": day.isoformat(),
            "earliest_date_for_popular": _EARLIEST,
            "limit": STEP,
            "count": len(found),
        },
        call.site.options.popular_key: rows,
    }


def _day(call: Call) -> date:
    try:
        return date.fromisoformat(call.query.get("date", NOW.date().isoformat()))
    except ValueError:
        raise refuse(400, "date is not valid.") from None


def _favoured(call: Call, period: str, day: date) -> Sequence[tuple[int, Record]]:
    """Posts that became favourites in a period, and how often, the most frequent first."""
    # Who favoured what when is not kept; it is drawn by lot, always the same.
    counts = [(_count(post, period, day), post) for post in call.site.index.posts]
    found = [(count, post) for count, post in counts if count]
    return sorted(found, key=lambda row: (-row[0], row[1]["id"]))[:_MOST]


def _count(post: Record, period: str, day: date) -> int:
    lot = crc32(f"{period}:{day}:{post['service']}:{post['id']}".encode()) % _LOTS
    return max(0, lot - _LOTS // 2 + _DAYS[period])


def _info(period: str, day: date) -> Record:
    around = {
        name: [(day - step).isoformat(), (day + step).isoformat(), day.isoformat()]
        for name, step in ((name, timedelta(days)) for name, days in _DAYS.items())
        if name != "recent"
    }
    return {
        "date": datetime.combine(day, time()),
        "min_date": datetime.combine(day - timedelta(_DAYS[period]), time()),
        "max_date": datetime.combine(day, time()),
        "navigation_dates": around,
        "range_desc": "last 24 hours" if period == "recent" else f"{period} of {day}",
        "scale": period,
    }


def all_tags(call: Call) -> object:
    """Section 10.8."""
    found = tags(call.site.index.posts)
    if call.site.options.tags_shape == "array":
        return found
    return {"props": {"currentPage": "tags"}, "tags": found}
