"""What placeholders stand for, and what they do not."""

from __future__ import annotations

from satchel.cassettes.exchange import Asked, Exchange
from satchel.cassettes.masks import Masks
from satchel.config import Secret

URL = "http://example.org/"


def exchange(
    url: str = URL,
    *,
    asked: dict[str, list[str]] | None = None,
    form: bytes = b"",
    headers: dict[str, list[str]] | None = None,
    body: bytes = b"",
) -> Exchange:
    return Exchange(Asked("GET", url, asked or {}, form), 200, "OK", headers or {}, body, "")


def test_an_answer_gets_addresses_back_but_no_secret() -> None:
    """Who wrote the recording could have the secret sent anywhere."""
    masks = Masks()
    masks.know(Secret("0123456789abcdef"), "<SATCHEL_RECNET_KEY>")
    masks.alias("http://127.0.0.1:8000", "http://sandbox")
    foreign = "http://other.example/?x=<SATCHEL_RECNET_KEY>"
    answer = masks.restored(
        exchange(headers={"Location": [foreign]}, body=b"http://sandbox/a <SATCHEL_RECNET_KEY>")
    )
    assert answer.headers == {"Location": [foreign]}
    assert answer.body == b"http://127.0.0.1:8000/a <SATCHEL_RECNET_KEY>"
