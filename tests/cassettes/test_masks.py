"""What placeholders stand for, and what they do not."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest

from satchel.cassettes.checking import findings
from satchel.cassettes.exchange import Asked, Exchange
from satchel.cassettes.masks import LEARNED, Masks
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


def test_words_in_an_answer_are_no_secrets_elsewhere() -> None:
    masks = Masks()
    said = b'<a href="?key=announcements&token=announcements">announcements</a>'
    masked = b'<a href="?key=announcements&token=<TOKEN>">announcements</a>'
    assert masks.exchange(exchange(body=said)).body == masked
    assert (
        masks.exchange(exchange(body=b'{"token":"announcements"}')).body == b'{"token":"<TOKEN>"}'
    )
    assert masks.exchange(exchange(body=said)).body == masked


@pytest.mark.parametrize(
    "shown",
    [
        exchange("http://example.org/?key=0123456789abcdef"),
        exchange(form=b"a=1&password=0123456789abcdef"),
        exchange(form=b'{"password":"0123456789abcdef"}'),
        exchange(asked={"Authorization": ["Bearer 0123456789abcdef"]}),
        exchange(headers={"Set-Cookie": ["sid=0123456789abcdef; Path=/"]}),
        exchange(headers={"Location": ["/there?access_token=0123456789abcdef"]}),
    ],
)
def test_what_was_a_secret_once_is_one_everywhere(shown: Exchange) -> None:
    masks = Masks()
    masks.exchange(shown)
    assert b"0123456789abcdef" not in masks.exchange(exchange(body=b"a 0123456789abcdef")).body


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("leaking", "secret"),
    [
        (exchange(headers={"Location": ["/a#access_token=S3CRET"]}), "S3CRET"),
        (exchange(asked={"Cookie": ["a=1;session=S3CRET"]}), "S3CRET"),
        (exchange(headers={"Set-Cookie": ["a=S3CRET;Path=/"]}), "S3CRET"),
        (exchange("http://me:S3CRET@example.org/"), "S3CRET"),
        (exchange(body=b'{"from": "https:\\/\\/me:S3CRET@example.org"}'), "S3CRET"),
        (exchange(headers={"X-Whose": [TOKEN]}), TOKEN),
        (exchange(f"http://example.org/{TOKEN}"), TOKEN),
        (exchange(form=b'{"password": "<S3CRET"}'), "<S3CRET"),
        (exchange(form=b'{"password": "<a>S3CRET"}'), "S3CRET"),
        (exchange(body=b'<input type="hidden" name="csrf_token" value="S3CRET">'), "S3CRET"),
    ],
)
def test_secrets_in_odd_places_are_masked_and_found(leaking: Exchange, secret: str) -> None:
    masked = Masks().exchange(leaking)
    assert secret not in repr(masked)
    assert list(findings(leaking, Masks()))
    assert not list(findings(masked, Masks()))


KNOWN = 'a "kéy" with/slashes & more'


def typed(kind: str) -> dict[str, list[str]]:
    return {"Content-Type": [kind]}


@pytest.mark.parametrize(
    "leaking",
    [
        exchange(headers=typed("text/plain; charset=utf-16"), body=KNOWN.encode("utf-16")),
        exchange(headers=typed("text/plain; charset=utf-16-be"), body=KNOWN.encode("utf-16-be")),
        exchange(headers=typed("text/plain"), body=b"\xfe\xff" + KNOWN.encode("utf-16-be")),
        exchange(headers=typed("text/html; charset=latin-1"), body=KNOWN.encode("latin-1")),
        exchange(body=gzip.compress(KNOWN.encode("utf-16"))),
        exchange(body=quote(quote(KNOWN, safe="")).encode()),
        exchange(f"{URL}?next={quote(quote_plus(f'/?a={KNOWN}'))}"),
        *[exchange(body=b64encode(f"{before}{KNOWN}:x".encode())) for before in ("", "a", "ab")],
        exchange(body=urlsafe_b64encode(f"??>{KNOWN}".encode())),
        exchange(body=json.dumps({"basic": b64encode(f"me:{KNOWN}".encode()).decode()}).encode()),
    ],
)
def test_a_secret_of_the_settings_however_it_is_written(leaking: Exchange) -> None:
    masks = Masks()
    masks.know(Secret(KNOWN), "<KEY>")
    assert masks.found_in(leaking) == {"<KEY>"}
    masked = masks.exchange(leaking)
    assert masks.found_in(masked) == set()
    texts = (masked.asked.url.encode() + masked.body).replace(b"\0", b"")
    assert b"<KEY>" in texts or leaking.body.startswith(b"\x1f\x8b")  # A file is left out.


def test_the_password_of_basic_authentication_is_learned() -> None:
    masks = Masks()
    basic = b64encode(b"me:0123456789abcdef").decode()
    masks.asked(Asked("GET", URL, {"Authorization": [f"Basic {basic}"]}))
    assert masks.exchange(exchange(body=b"0123456789abcdef")).body == b"<PASSWORD>"
    masks.asked(Asked("GET", URL, {"Authorization": ["Basic none"]}))


def test_a_secret_ends_where_its_text_does() -> None:
    """The second byte of an "à" is a space of Latin-1."""
    said = exchange(form="a=1&password=nàïve-à-01234567".encode(), headers=typed("text/plain"))
    masked = Masks().exchange(said)
    assert masked.asked.body == b"a=1&password=<PASSWORD>"


def test_sessions_of_the_crawl_are_not_forgotten() -> None:
    masks = Masks()
    for who, session in (("a", "s1d4"), ("b", "0123456789abcdef"), ("b", "fedcba9876543210")):
        masks.hold(Secret(session), who)
    said = exchange(body=b"s1d4 0123456789abcdef fedcba9876543210")
    assert masks.exchange(said).body == b"<SESSION> <SESSION> <SESSION>"
    for number in range(LEARNED):
        masks.learn(f"learned-{number:08}", "<TOKEN>")
    assert masks.exchange(said).body == b"<SESSION> 0123456789abcdef <SESSION>"
