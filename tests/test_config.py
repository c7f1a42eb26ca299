"""Settings: where they come from, what is refused and how, and that secrets stay secret."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from scrapy.settings import Settings

from satchel.config import Config, Reader, Secret, Url, early
from satchel.errors import ConfigError
from satchel.hooks import Plugins
from satchel.kemono.service import SERVICE as KEMONO
from satchel.kemono.settings import KemonoSettings
from satchel.privacy import Level
from satchel.recnet.service import SERVICE
from satchel.recnet.settings import RecNetSettings
from satchel.service import Service
from satchel.testing import command, crawl, project

KEY = "k3y-that-nobody-may-see"


def reader(environ: dict[str, str] | None = None, /, **settings: Any) -> Reader:
    return Reader(Settings(settings), [SERVICE], environ or {})


def read(environ: dict[str, str] | None = None, /, **settings: Any) -> Config:
    return reader(environ, **settings).config()


def recnet(environ: dict[str, str] | None = None, /, **settings: Any) -> RecNetSettings:
    found = reader(environ, **settings).service(SERVICE)
    assert isinstance(found, RecNetSettings)
    return found


def refusal(environ: dict[str, str] | None = None, /, **settings: Any) -> str:
    def read_all() -> None:
        read(environ, **settings)
        recnet(environ, **settings)

    with pytest.raises(ConfigError) as caught:
        read_all()
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_defaults() -> None:
    config = read()
    assert config.store == "sqlite:///satchel.db"
    assert config.level is Level.CAREFUL
    assert config.summary
    assert not config.sandbox
    assert recnet().dialect == "legacy"


def test_frozen() -> None:
    with pytest.raises(AttributeError):
        read().sandbox = True  # type: ignore[misc]


def test_the_environment_is_the_fallback() -> None:
    environ = {"SATCHEL_SANDBOX": "1", "SATCHEL_SANDBOX_SEED": "7"}
    assert read(environ).sandbox
    assert read(environ).sandbox_seed == 7
    assert read(environ, SATCHEL_SANDBOX_SEED=9).sandbox_seed == 9
    assert not read(environ, SATCHEL_SANDBOX=False).sandbox


@pytest.mark.parametrize("text", ["1", "true", "True", True])
def test_switched_on(text: object) -> None:
    assert read(SATCHEL_SANDBOX=text).sandbox


@pytest.mark.parametrize("text", ["0", "false", "False", False])
def test_switched_off(text: object) -> None:
    assert not read(SATCHEL_SUMMARY=text).summary


@pytest.mark.parametrize("value", ["a, b:c", '["a", "b:c"]', ["a", "b:c"], ("a", "b:c")])
def test_lists(value: object) -> None:
    assert read(SATCHEL_PLUGINS=value).plugins == ["a", "b:c"]
    assert early(Settings({"SATCHEL_PLUGINS": value}), "plugins", {}) == ["a", "b:c"]


def test_plugins_of_the_environment() -> None:
    assert early(Settings(), "plugins", {"SATCHEL_PLUGINS": "a,b"}) == ["a", "b"]
    assert early(Settings({"SATCHEL_PLUGINS": "c"}), "plugins", {"SATCHEL_PLUGINS": "a,b"}) == ["c"]
    assert early(Settings(), "plugins", {}) == []


def test_objects() -> None:
    urls = {"apim": "https://apim.example", "api": "http://127.0.0.1:8080/x"}
    assert recnet(SATCHEL_RECNET_URLS=urls).urls == urls
    assert recnet(SATCHEL_RECNET_URLS=msgspec.json.encode(urls).decode()).urls == urls


URLS = "a JSON object of http(s):// addresses by the names apim, accounts, api, rooms, clubs, img"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SATCHEL_SANDBOX", "maybe", "true or false"),
        ("SATCHEL_SANDBOX", "", "true or false"),
        ("SATCHEL_SANDBOX", 2, "true or false"),
        ("SATCHEL_SUMMARY", ["x"], "true or false"),
        ("SATCHEL_SANDBOX_SEED", "x", "a whole number, at least 0"),
        ("SATCHEL_SANDBOX_SEED", "-1", "a whole number, at least 0"),
        ("SATCHEL_SANDBOX_SCALE", "0", "a whole number from 1 to 1000"),
        ("SATCHEL_SANDBOX_SCALE", 1001, "a whole number from 1 to 1000"),
        ("SATCHEL_SANDBOX_SCALE", 1.5, "a whole number from 1 to 1000"),
        ("SATCHEL_SANDBOX_SCALE", True, "a whole number from 1 to 1000"),
        ("SATCHEL_PRIVACY", "none", "one of off, juniors, careful, strict"),
        ("SATCHEL_PRIVACY", 3, "one of off, juniors, careful, strict"),
        ("SATCHEL_STORE", 5, "a database URL such as sqlite:///satchel.db"),
        ("SATCHEL_CONTACT", "me\nX: y", "printable ASCII"),
        ("SATCHEL_CONTACT", "é", "printable ASCII"),
        ("SATCHEL_PLUGINS", "[1, 2]", "words by comma, or a JSON list of texts"),
        ("SATCHEL_PLUGINS", "[", "words by comma, or a JSON list of texts"),
        ("SATCHEL_PLUGINS", 5, "words by comma, or a JSON list of texts"),
        ("SATCHEL_RECNET_DIALECT", "latin", "one of legacy, public"),
        ("SATCHEL_RECNET_PAGE_SIZE", "0", "a whole number from 1 to 1000"),
        ("SATCHEL_RECNET_URL", "example.com", "an http(s):// address"),
        ("SATCHEL_RECNET_URL", "ftp://example.com", "an http(s):// address"),
        ("SATCHEL_RECNET_URL", "https://", "an http(s):// address"),
        ("SATCHEL_RECNET_URL", "https://x/?q", "an http(s):// address"),
        ("SATCHEL_RECNET_URLS", "apim", URLS),
        ("SATCHEL_RECNET_URLS", {"apim": "x"}, URLS),
        ("SATCHEL_RECNET_URLS", {"apmi": "http://x"}, URLS),
    ],
)  # fmt: skip
def test_a_refusal_names_setting_value_and_what_is_expected(
    name: str, value: object, expected: str
) -> None:
    shown = " ".join(str(value).split())
    assert refusal(**{name: value}) == f"{name}={shown}: expected {expected}"


def test_a_refusal_shows_no_password_of_an_address() -> None:
    text = refusal(SATCHEL_RECNET_URL="https://me:hunter2@example.com")
    assert text == (
        "SATCHEL_RECNET_URL=https://[secure]@example.com: expected an http(s):// address"
    )


def test_a_refusal_is_short() -> None:
    assert len(refusal(SATCHEL_PRIVACY="x" * 5000)) < 200


@pytest.mark.parametrize("where", ["setting", "variable"])
def test_unknown_names(where: str) -> None:
    given = {"SATCHEL_PRIVACI": "off"}
    text = refusal(given) if where == "variable" else refusal(**given)
    assert text == (
        f"SATCHEL_PRIVACI: no such {where}; did you mean SATCHEL_PRIVACY? "
        "('satchel settings' lists all)"
    )


def test_an_unknown_name_that_is_like_no_other() -> None:
    assert refusal(SATCHEL_FOO="1") == (
        "SATCHEL_FOO: no such setting ('satchel settings' lists all)"
    )


def test_settings_of_a_service_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="SATCHEL_RECNET_URL: no such setting"):
        Reader(Settings({"SATCHEL_RECNET_URL": "http://x"}), [], {})


def test_settings_of_a_plugin_that_is_blocked() -> None:
    given = {"SATCHEL_WATCH_ENABLED": True, "SATCHEL_RECNET_URL": "http://x"}
    read({}, SATCHEL_BLOCKED_PLUGINS="watch,recnet", **given)
    assert "SATCHEL_WATCH_ENABLED: no such setting" in refusal(
        SATCHEL_BLOCKED_PLUGINS="recnet", **given
    )


def test_strict_privacy_needs_a_key() -> None:
    assert "SATCHEL_PRIVACY=strict needs a key" in refusal(SATCHEL_PRIVACY="strict")
    config = read({"SATCHEL_PRIVACY_KEY": KEY}, SATCHEL_PRIVACY="strict")
    assert config.level is Level.STRICT


class Made(msgspec.Struct, frozen=True, kw_only=True):
    url: Url
    pause: Annotated[float, msgspec.Meta(le=60)] = 1.0


def test_a_setting_of_a_third_partys_service_that_is_required() -> None:
    service = Service(
        name="made", items=(), settings=Made, spiders=(), client=lambda *_: None,  # type: ignore
        key=lambda _: None, paces=lambda _: {}, sandbox=lambda *_: None, in_sandbox=lambda s, _: s,
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        Reader(Settings(), [service], {}).service(service)
    expected = "an http(s):// address without user, query or fragment"
    assert str(caught.value) == f"SATCHEL_MADE_URL is not set: expected {expected}"
    given = {"SATCHEL_MADE_URL": "http://x", "SATCHEL_MADE_PAUSE": "61"}
    with pytest.raises(ConfigError, match="expected a number, at most 60"):
        Reader(Settings(), [service], given).service(service)


# Secrets


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


def test_a_secret_of_the_environment() -> None:
    key = recnet({"SATCHEL_RECNET_KEY": KEY}).key
    assert key == Secret(KEY)


@pytest.mark.parametrize("where", ["setting", "variable"])
def test_a_secret_of_a_file(file: Path, where: str) -> None:
    given = {"SATCHEL_RECNET_KEY_FILE": str(file)}
    key = (recnet(given) if where == "variable" else recnet(**given)).key
    assert key is not None
    assert key.reveal() == KEY


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refusal({"SATCHEL_RECNET_KEY_FILE": str(file)}) == (
        f"SATCHEL_RECNET_KEY_FILE={file}: others can read it; run: chmod 600 '{file}'"
    )


def test_a_file_that_cannot_be_read(file: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    text = refusal({"SATCHEL_RECNET_KEY_FILE": str(missing)})
    assert text == f"SATCHEL_RECNET_KEY_FILE={missing}: No such file or directory"
    assert "Is a directory" in refusal({"SATCHEL_RECNET_KEY_FILE": str(tmp_path)})
    file.write_bytes(b"\xff\xfe")
    assert "not a text file" in refusal({"SATCHEL_RECNET_KEY_FILE": str(file)})


@pytest.mark.parametrize("text", ["", "two\nlines", "schlüssel", "a\x00b"])
def test_a_secret_that_cannot_be_a_header(file: Path, text: str) -> None:
    assert refusal({"SATCHEL_RECNET_KEY": text}) == (
        "SATCHEL_RECNET_KEY: expected one line of printable ASCII"
    )
    file.write_text(text)
    assert refusal({"SATCHEL_RECNET_KEY_FILE": str(file)}) == (
        "SATCHEL_RECNET_KEY_FILE: expected one line of printable ASCII"
    )


def test_a_secret_is_no_scrapy_setting() -> None:
    text = refusal(SATCHEL_RECNET_KEY=KEY)
    assert text.startswith("SATCHEL_RECNET_KEY: a secret is no Scrapy setting")
    assert KEY not in text


def test_a_secret_shows_nowhere() -> None:
    secret = Secret(KEY)
    settings = recnet({"SATCHEL_RECNET_KEY": KEY})
    for text in (repr(secret), str(secret), f"{secret}", repr(settings), repr([secret])):
        assert KEY not in text
        assert "[secure]" in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(settings)
    assert not hasattr(secret, "__dict__")
    for setting in reader({"SATCHEL_RECNET_KEY": KEY}).known():
        assert KEY not in repr(setting)


# What is shown


def test_every_setting_is_described() -> None:
    for setting in Reader(Settings(), Plugins().services(), {}).known():
        assert setting.description.endswith("."), setting.name
        assert setting.expected not in ("", "a value"), setting.name
        assert setting.description.startswith("Secret. ") == setting.secret, setting.name


def test_values_in_effect() -> None:
    known = {
        s.name: s
        for s in reader(
            {"SATCHEL_RECNET_KEY": KEY, "SATCHEL_PLUGINS": "a,b"}, SATCHEL_SANDBOX="1"
        ).known()
    }
    assert (known["SATCHEL_SANDBOX"].default, known["SATCHEL_SANDBOX"].value) == ("false", "true")
    assert known["SATCHEL_PLUGINS"].value == "a,b"
    assert known["SATCHEL_RECNET_KEY"].value == "[secure]"
    assert known["SATCHEL_PRIVACY_KEY"].value == ""
    assert known["SATCHEL_RECNET_URLS"].value == ""


# As a person meets it


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"SATCHEL_SANDBOX": "maybe"}, "SATCHEL_SANDBOX=maybe: expected true or false"),
        ({"SATCHEL_STOR": "x"}, "SATCHEL_STOR: no such setting; did you mean SATCHEL_STORE?"),
        ({}, "no RecNet server is configured"),
        ({"SATCHEL_STORE": 5, "SATCHEL_SANDBOX": True}, "SATCHEL_STORE=5: expected a database URL"),
    ],
)
def test_a_crawl_does_not_begin(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        crawl("recnet-rooms", settings, hot="1")
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["-s", "SATCHEL_SANDBOX=maybe"], "SATCHEL_SANDBOX=maybe: expected true or false"),
        (["-a", f"key={KEY}"], "recnet-rooms: key=…: a secret is no argument"),
        (["-s", f"SATCHEL_RECNET_KEY={KEY}"], "SATCHEL_RECNET_KEY: a secret is no Scrapy setting"),
    ],
)
def test_one_line_and_exit_status_1(tmp_path: Path, words: list[str], line: str) -> None:
    done = command(
        "scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-L", "ERROR", *words,
        cwd=project(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert f"[satchel] ERROR: {line}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert KEY not in done.stderr + done.stdout
    assert not (tmp_path / "satchel.db").exists()


@pytest.mark.parametrize(
    "url", ["postgresql://me:geheim@h/x", "postgresql://me:a@geheim@h/x",
            "postgresql://h/x?user=me&password=geheim"],
)  # fmt: skip
def test_the_password_of_a_database_is_not_shown(url: str) -> None:
    reader = Reader(Settings({"SATCHEL_STORE": url}), [], {})
    (shown,) = [setting.value for setting in reader.known() if setting.name == "SATCHEL_STORE"]
    assert "[secure]" in shown
    assert "geheim" not in f"{shown}{reader.config()!r}"
    assert reader.config().store == url


# A secret document: JSON in the environment, or a TOML file

NAME = "SATCHEL_KEMONO_ACCOUNTS"


def accounts(environ: dict[str, str], **settings: Any) -> Secret | None:
    found = Reader(Settings(settings), [KEMONO], environ).service(KEMONO)
    assert isinstance(found, KemonoSettings)
    return found.accounts


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.toml"
    path.write_text(f'[[accounts]]\nrole = "consumer"\npassword = "{KEY} äöü"\n')
    path.chmod(0o600)
    return path


def test_a_document_of_the_environment() -> None:
    found = accounts({NAME: f'[{{"password": "{KEY}"}}]'})
    assert found is not None
    assert found.reveal() == f'[{{"password": "{KEY}"}}]'
    assert KEY not in repr(found)


@pytest.mark.parametrize("where", ["environment", "setting"])
def test_a_document_of_a_file(document: Path, where: str) -> None:
    given = {NAME: str(document)}
    found = accounts(given) if where == "environment" else accounts({}, **given)
    assert found is not None
    password = json.loads(found.reveal())["accounts"][0]["password"]
    assert password == f"{KEY} äöü"


@pytest.mark.parametrize(
    ("environ", "settings", "reason"),
    [
        ({NAME: f'[{{"password": "{KEY}"}}'}, {}, r"not JSON: line 1, column \d+"),
        ({}, {NAME: f'[{{"password": "{KEY}"}}]'}, "a secret is no Scrapy setting"),
        ({}, {NAME: [{"password": KEY}]}, "a secret is no Scrapy setting"),
        ({NAME: f'\'[{{"password": "{KEY}"}}]\''}, {}, "are there quotes"),
        ({NAME: f"{KEY}\n[["}, {}, "are there quotes"),
        ({NAME: "nowhere.toml"}, {}, "SATCHEL_KEMONO_ACCOUNTS=nowhere.toml: No such file"),
        ({f"{NAME}_FILE": "x.toml"}, {}, "no such variable; did you mean SATCHEL_KEMONO_ACCOUNTS"),
    ],
)
def test_a_document_that_is_refused(
    environ: dict[str, str], settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        accounts(environ, **settings)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("value", ["nan", "1979-05-27"])
def test_a_document_with_values_that_json_lacks(document: Path, value: str) -> None:
    document.write_text(f"[[accounts]]\npassword = {value}\n")
    if value == "nan":
        with pytest.raises(ConfigError, match="it has a number that is none"):
            accounts({NAME: str(document)})
    else:
        found = accounts({NAME: str(document)})
        assert found is not None
        assert json.loads(found.reveal()) == {"accounts": [{"password": "1979-05-27"}]}


def test_an_empty_document_is_none() -> None:
    assert accounts({NAME: ""}) is None


def test_a_document_that_is_no_toml(document: Path) -> None:
    document.write_text(f'[[accounts]]\nrole = "consumer"\npassword = {KEY}\n')
    with pytest.raises(ConfigError, match=r"not TOML: line 3, column 12$"):
        accounts({NAME: str(document)})
    document.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read it; run: chmod 600 "):
        accounts({NAME: str(document)})
