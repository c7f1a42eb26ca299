"""Placeholders in the place of secrets: those of the settings, those that a crawl has learned, and
what a name says is one.

Everything is looked at as bytes, one character each, so that texts of any encoding, binary bodies
and files are treated alike.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import dataclasses
import html.entities
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import fields

from satchel.cassettes.exchange import Asked, Exchange, Headers, charset, gunzipped, header
from satchel.config import PREFIX, Secret, plugin_prefix

LEARNED: Final = 64
"""Secrets that a crawl learned and still looks for; the oldest are forgotten first."""

SHORTEST: Final = 4
"""Shorter secrets of the settings, or sessions, would be found in every second word: only their
names give them away."""

_LONG: Final = 12
"""What a crawl meets counts as a secret that may come again only if it is no everyday word."""

_PACKED: Final = 8
"""Secrets of the settings, and sessions, of so many bytes are looked for in base64, too."""

_SESSION: Final = "<SESSION>"

_NAMES: Final = (
    r"[\w.-]*(?:passw(?:or)?d|passwd|secret|token|api[_-]?key|subscription-key|session(?:_?id)?"
    r"|signature|authorization|jwt)"
)
_HEADER: Final = re.compile(rf"(?ai)(?:{_NAMES}|[\w-]*-key|authentication|proxy-authenticate)$")
_PLACEHOLDER: Final = re.compile(r"<[A-Z][\w.-]*>")
_KEPT: Final = r"(?-i:<[A-Z][\w.-]*>)"
_QUOTED: Final = re.compile(r"(?ai)%3C([A-Z][\w.-]*)%3E")
_QUERY: Final = re.compile(rf"(?ai)(?P<before>[?&;#]({_NAMES}|key|sig)=)(?P<value>[^&#\s\"'<>]+)")
_LINK: Final = re.compile(rf"(?ai)(?P<before>[?&;#]({_NAMES})=)(?P<value>[^&#\s\"'<>]+)")
_FORM: Final = re.compile(rf"(?ai)(?P<before>(?:^|&)({_NAMES})=)(?P<value>[^&\s<>]+)")
_JSON: Final = re.compile(
    rf'(?ai)(?P<before>"({_NAMES})"\s*:\s*")(?!{_KEPT}")(?P<value>(?:[^"\\]|\\.)+)'
)
_MULTIPART: Final = re.compile(
    rf'(?ai)(?P<before>name="({_NAMES})"\r?\n(?:[^\r\n]+\r?\n)*\r?\n)(?!{_KEPT}\r?\n)(?P<value>[^\r\n]+)'
)
_INPUT: Final = re.compile(
    rf"""(?ai)(?P<before><input\b[^<>]*?\bname=["']?({_NAMES})["']?\s[^<>]*?\bvalue=["']?)"""
    r"""(?P<value>[^"'\s<>]+)"""
)
_COOKIE: Final = re.compile(r"(?a)((?:^|;)\s*([^=;\s]+)\s*=\s*)([^;]*)")
_USER: Final = re.compile(r"(?ai)(https?:(?:\\?/){2}[^/\s:@\"'<>\\]+:)[^/\s@\"'<>]+(?=@)")

WEB_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+")
"""JSON web tokens: in addresses and headers they are nothing else than secrets."""


RECORDED_SANDBOX: Final = "http://sandbox"
"""The address of the local server inside a crawl, which listens elsewhere each time."""


class _Look:
    """How one secret is looked for, in whatever way each of its characters is escaped.

    :param kept: a pattern of what stands for secrets: that stays, whatever is in it
    """

    def __init__(self, value: str, placeholder: str, kept: str) -> None:
        self.placeholder = placeholder
        # Most texts do not even have this, which is found fast.
        self._core = max(re.findall("[A-Za-z0-9]*", value), key=len)
        secret = "".join(map(_escaped, value.encode().decode("latin-1")))
        self._pattern = re.compile(f"{kept}|({secret})")

    def may_be_in(self, text: str) -> bool:
        """Whether the secret's longest word is in a text."""
        return self._core in text

    def masked(self, text: str) -> str:
        """A text without the secret."""
        if not self.may_be_in(text):
            return text
        return self._pattern.sub(lambda found: self.placeholder if found[1] else found[0], text)

    def finds(self, text: str) -> bool:
        """Whether a text has the secret."""
        return self.may_be_in(text) and any(found[1] for found in self._pattern.finditer(text))


class Masks:
    """The placeholders of one crawl, or of one command.

    :param learns: whether what turns out to be a secret is one everywhere from then on
    :ivar version: grows with each secret that is learned
    """

    def __init__(self, *, learns: bool = True) -> None:
        self._learns = learns
        self._known: dict[str, str] = {}
        self._held: dict[str, str] = {}
        self._learned: OrderedDict[str, str] = OrderedDict()
        self._back: dict[str, str] = {}
        self._looks: list[_Look] = []
        self.version = 0

    def know(self, secret: Secret, placeholder: str) -> None:
        """Mask a secret of the settings."""
        value = secret.reveal()
        if len(value) >= SHORTEST:
            self._known[value] = placeholder
            self._changed()

    def alias(self, address: str, name: str) -> None:
        """Record an address, which is another each time, under a name; a replay puts it back."""
        self._known[address] = name
        self._back[name] = address
        self._changed()

    def hold(self, secret: Secret, who: str) -> None:
        """Mask the session that an account has now, however much is learned; its last one counts
        as learned from then on.

        :param who: the account
        """
        value = secret.reveal()
        before = self._held.get(who)
        if len(value) < SHORTEST or value == before:
            return
        self._held[who] = value
        if before is not None:
            self._learned[before] = _SESSION
        self._changed()

    def learn(self, value: str, placeholder: str) -> None:
        """Mask what has turned out to be a secret; the oldest is forgotten for it."""
        if (
            not self._learns
            or len(value) < _LONG
            or value in self._known
            or value in self._held.values()
        ):
            return
        if _PLACEHOLDER.fullmatch(_QUOTED.sub(r"<\1>", value)):
            return
        if value in self._learned:
            self._learned.move_to_end(value)
            return
        self._learned[value] = placeholder
        while len(self._learned) > LEARNED:
            self._learned.popitem(last=False)
        self._changed()

    def asked(self, asked: Asked) -> Asked:
        """A request without secrets."""
        url = _QUOTED.sub(r"<\1>", asked.url)
        return dataclasses.replace(
            asked,
            url=self._address(url),
            headers=self._headers(asked.headers),
            body=self._body(asked.body, asked.headers, asked=True),
        )

    def exchange(self, exchange: Exchange) -> Exchange:
        """An exchange without secrets; what of it is one is learned."""
        asked = self.asked(exchange.asked)
        headers = self._headers(exchange.headers)
        return dataclasses.replace(
            exchange,
            asked=asked,
            headers=headers,
            body=self._body(exchange.body, exchange.headers),
        )

    def restored(self, exchange: Exchange) -> Exchange:
        """An answer with what :meth:`alias` has taken out of it.

        Secrets stay out: a recording of somebody else's could send them anywhere.
        """
        if not self._back:
            return exchange
        pattern = re.compile("|".join(map(re.escape, self._back)))

        def back(text: str) -> str:
            return pattern.sub(lambda found: self._back[found[0]], text)

        headers = {name: [back(v) for v in values] for name, values in exchange.headers.items()}
        body = back(exchange.body.decode("latin-1")).encode("latin-1")
        return dataclasses.replace(exchange, headers=headers, body=body)

    def found_in(self, exchange: Exchange) -> set[str]:
        """The placeholders of secrets that an exchange has nevertheless."""
        texts = list(_texts(exchange))
        return {look.placeholder for look in self._looks if any(map(look.finds, texts))}

    def may_be_in(self, segment: str) -> bool:
        """Whether the text of a segment may have a secret; that is known fast."""
        return any(look.may_be_in(segment) for look in self._looks)

    def _changed(self) -> None:
        self.version += 1
        sure = {**dict.fromkeys(self._held.values(), _SESSION), **self._known}
        packed = {
            text: placeholder
            for value, placeholder in sure.items()
            if value not in self._back
            for text in _in_base64(value)
        }
        values = {**self._learned, **packed, **sure}
        kept = "|".join([_PLACEHOLDER.pattern, *map(re.escape, self._back)])
        longest_first = sorted(values, key=len, reverse=True)
        self._looks = [_Look(value, values[value], kept) for value in longest_first]

    def _text(self, text: str) -> str:
        for look in self._looks:
            text = look.masked(text)
        return text

    def _address(self, text: str) -> str:
        text = _USER.sub(r"\1<PASSWORD>", self._by_name(_QUERY, text))
        return self._text(WEB_TOKEN.sub("<WEB_TOKEN>", text))

    def _by_name(self, pattern: re.Pattern[str], text: str, *, learns: bool = True) -> str:
        def masked(found: re.Match[str]) -> str:
            placeholder = _named(found[2])
            if learns:
                self.learn(found["value"], placeholder)
            return found["before"] + placeholder

        return pattern.sub(masked, text)

    def _headers(self, headers: Headers) -> Headers:
        return {
            name: [self._header(name.lower(), value) for value in values]
            for name, values in headers.items()
        }

    def _header(self, name: str, value: str) -> str:
        if name == "set-cookie":
            # What follows the first are no cookies, but attributes.
            first, *attributes = value.split(";")
            return self._text(";".join([_COOKIE.sub(self._cookie, first), *attributes]))
        if name == "cookie":
            return _COOKIE.sub(self._cookie, value)
        if _HEADER.match(name):
            if not _PLACEHOLDER.search(value):
                kind, _, secret = value.rpartition(" ")
                if kind.lower() == "basic":
                    self.learn(_password(secret), "<PASSWORD>")
                self.learn(secret, _named(name))
                return _named(name)
            return value
        return self._address(value)

    def _cookie(self, found: re.Match[str]) -> str:
        value = found[3].strip().strip('"')
        if not value or _PLACEHOLDER.fullmatch(value):
            return found[0]
        placeholder = f"<COOKIE_{_word(found[2])}>"
        self.learn(value, placeholder)
        return found[1] + placeholder

    def _body(self, body: bytes, headers: Headers, *, asked: bool = False) -> bytes:
        """A body without secrets.

        :param headers: those that say what it is
        :param asked: it is a request's, so what is named as a secret is one; in an answer it may be
            any word (a page's ``token=announcements``), which is no reason to replace it elsewhere
        """
        if not body:
            return body
        if (unpacked := gunzipped(body)) is not None:
            # A file, not an encoding: it is kept or left out as a whole.
            return body if self._body(unpacked, {}) == unpacked else b""
        encoding = _encoding(body, headers)
        text = _as_utf_8(body, encoding)
        masked = self._body_text(text, asked=asked)
        if masked == text:
            return body
        masked_bytes = masked.encode("latin-1")
        return masked_bytes if encoding is None else masked_bytes.decode().encode(encoding)

    def _body_text(self, text: str, *, asked: bool) -> str:
        if asked:
            text = self._by_name(_MULTIPART, self._by_name(_FORM, text))
        text = self._by_name(_JSON, text, learns=asked)
        for pattern in (_LINK, _INPUT):
            text = self._by_name(pattern, text, learns=False)
        return self._text(_USER.sub(r"\1<PASSWORD>", text))


def _encoding(body: bytes, headers: Headers) -> str | None:
    """The encoding of a text, if it has to be translated for secrets to be found in it."""
    for mark, name in _MARKS.items():
        if body.startswith(mark):
            return _decodable(body, name)
    name = charset(header(headers, "content-type"))
    return None if name in ("utf-8", "ascii") else _decodable(body, name)


def _decodable(body: bytes, name: str) -> str | None:
    try:
        body.decode(name).encode()
    except (UnicodeError, LookupError):
        return None
    return name


def _as_utf_8(body: bytes, encoding: str | None) -> str:
    """A body as UTF-8, a character for each byte."""
    return (body if encoding is None else body.decode(encoding).encode()).decode("latin-1")


_MARKS: Final = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""How a text begins that says so itself; the longer ones first, since they begin like others."""


def masks_of(settings: Mapping[str, Struct], config: Struct) -> Masks:
    """The placeholders of all secrets of the settings, named as these are.

    :param settings: service or plugin → its settings
    :param config: satchel's own
    """
    masks = Masks()
    structs = {PREFIX: config, **{plugin_prefix(name): struct for name, struct in settings.items()}}
    for prefix, struct in structs.items():
        for field in fields(struct):
            value = getattr(struct, field.name)
            if isinstance(value, Secret):
                name = prefix + field.name.upper()
                for word, secret in _secrets_in(value):
                    masks.know(secret, f"<{'_'.join(filter(None, (name, word)))}>")
    return masks


def _secrets_in(secret: Secret) -> Iterator[tuple[str, Secret]]:
    """A secret, or those that a structured one holds by their names."""
    try:
        document = json.loads(secret.reveal())
    except ValueError:
        document = None
    if not isinstance(document, dict | list):
        yield "", secret
        return
    waiting = [document]
    while waiting:
        value = waiting.pop()
        members = value.items() if isinstance(value, dict) else [("", v) for v in value]
        for name, member in members:
            if isinstance(member, dict | list):
                waiting.append(member)
            elif isinstance(member, str) and member and _HEADER.match(name):
                yield _word(name).upper(), Secret(member)


def _texts(exchange: Exchange) -> Iterator[str]:
    yield exchange.asked.url
    for headers in (exchange.asked.headers, exchange.headers):
        for values in headers.values():
            yield from values
    for headers, body in (
        (exchange.asked.headers, exchange.asked.body),
        (exchange.headers, exchange.body),
    ):
        yield _as_utf_8(body, _encoding(body, headers))
        if (unpacked := gunzipped(body)) is not None:
            yield _as_utf_8(unpacked, _encoding(unpacked, {}))


def _in_base64(secret: str) -> Iterator[str]:
    """What base64 makes of a secret, wherever in a text it stands, without what its neighbours have
    a part in. Of short secrets that could be anything."""
    value = secret.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3 if len(value) >= _PACKED else 0):
            text = encode(bytes(before) + value).decode()
            yield text[-(-before * 8 // 6) : (before + len(value)) * 8 // 6]


def _password(basic: str) -> str:
    """The password of basic authentication; empty: it is none."""
    try:
        return base64.b64decode(basic).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _named(name: str) -> str:
    return f"<{_word(name).upper()}>"


def _word(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)


def _escaped(character: str) -> str:
    """A pattern of the ways to write a character: as it is, in an address, a form, JSON, HTML."""
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    ways = [
        re.escape(character), rf"\\+{re.escape(character)}", f"(?i:%(?:25)*{code:02x})",
        rf"(?i:\\+u{code:04x})", f"(?i:&#(?:{code}|x0*{code:x});)",
    ]  # fmt: skip
    if character == " ":
        ways += [r"\+", "(?i:%(?:25)*2b)"]
    if name := html.entities.codepoint2name.get(code):
        ways.append(f"&{name};")
    return f"(?:{'|'.join(ways)})"
