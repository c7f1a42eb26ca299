"""Kemono's requests, each as its server's profile wants it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from scrapy import FormRequest, Request

from satchel.browser import VISIT
from satchel.browser.login import LogIn
from satchel.errors import ConfigError, NotOffered
from satchel.kemono.operations import OPERATIONS
from satchel.kemono.profiles import read_profile
from satchel.service import Pace, host_of

if TYPE_CHECKING:
    from scrapy.http import Response

    from satchel.config import Secret
    from satchel.kemono.settings import KemonoSettings

COOKIE: Final = "session"
"""The name of the session's cookie."""

LOGIN_PAGE: Final = "/account/login"
REGISTER_PAGE: Final = "/account/register"
LOGOUT_PAGE: Final = "/account/logout"


class Api:
    """The requests of one server.

    :raises ConfigError: no server is configured, or its profile is none
    """

    def __init__(self, settings: KemonoSettings) -> None:
        if settings.url is None:
            raise ConfigError(
                "SATCHEL_KEMONO_URL is not set: give the address of the server, such as "
                "https://kemono.example.org"
            )
        self.base = settings.url.rstrip("/")
        self.profile = read_profile(settings.profile, frozenset(OPERATIONS))
        self._words = settings.profile if isinstance(settings.profile, str) else "a custom one"

    def offers(self, name: str) -> bool:
        """Whether the server has an operation."""
        return name not in self.profile.lacks

    def check(self, name: str) -> None:
        """Refuse an operation that the server lacks.

        :raises NotOffered: it does, by its profile
        """
        if not self.offers(name):
            words = self._words if len(self._words) <= 40 else "a custom one"
            raise NotOffered(
                f"{name}: servers of this profile do not offer it (SATCHEL_KEMONO_PROFILE: {words})"
            )

    def request(
        self,
        name: str,
        *,
        body: Any = None,
        query: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Request:
        """The request of an operation.

        :param body: is sent as JSON
        :param query: parameters of the query; those that are ``None`` are left out, and each of a
            list is one
        :param parameters: those of the path
        :raises NotOffered: the server lacks it, by its profile
        """
        self.check(name)
        operation = OPERATIONS[name]
        words = {key: quote(str(value), safe="") for key, value in parameters.items()}
        path = operation.path.format(**words, creator_posts=self.profile.creator_posts)
        given = {key: value for key, value in (query or {}).items() if value is not None}
        if given:
            path = f"{path}?{urlencode(given, doseq=True)}"
        request = self._api(operation.method, path, body)
        request.meta["satchel_operation"] = name
        request.meta["satchel_parameters"] = parameters
        request.meta["satchel_json"] = not operation.changes
        if not operation.changes:
            # What these mean depends on the operation, and is the callback's to say.
            request.meta["handle_httpstatus_list"] = [400, 404] if operation.step else [404]
        if operation.role is not None:
            request.meta["satchel_role"] = operation.role.value
        if operation.changes:
            # Whether a lost answer was a success is for who asked to find out.
            request.meta["dont_retry"] = True
        return request

    def login(self, username: str, password: Secret) -> Request:
        """Log in, as the profile says."""
        words = {"username": username, "password": password.reveal()}
        if self.profile.login == "browser":
            request = self._visit(username, password)
        elif self.profile.login == "form":
            request = self._form(LOGIN_PAGE, **words)
        else:
            request = self._api("POST", "v1/authentication/login", words)
        # Servers count attempts, those too whose answers are lost.
        request.meta["max_retry_times"] = 1
        return request

    def register(self, username: str, password: str) -> Request:
        """Register an account, as the profile says (reference sections 3.2 and 4)."""
        confirmed = {"username": username, "password": password, "confirm_password": password}
        if self.profile.has_forms:
            request = self._form(REGISTER_PAGE, **confirmed)
        else:
            body = {**confirmed, "favorites_json": ""}
            request = self._api("POST", "v1/authentication/register", body)
        request.meta["dont_retry"] = True
        return request

    def logout(self) -> Request:
        """End the session that the request carries."""
        if self.profile.has_forms:
            return Request(f"{self.base}{LOGOUT_PAGE}", meta=self._meta())
        return self._api("POST", "v1/authentication/logout")

    def is_login_page(self, response: Response) -> bool:
        """Whether a response sends one to log in."""
        return is_redirect(response) and self.location(response) == LOGIN_PAGE

    def location(self, response: Response) -> str:
        """The path that a redirect leads to, below the server's address; ``""``: elsewhere."""
        target = urlsplit(response.urljoin(_text(response.headers.get("Location"))))
        base = urlsplit(self.base)
        # Behind a proxy a server may not know its own scheme and port.
        if target.hostname != base.hostname:
            return ""
        return target.path.removeprefix(base.path)

    def has_expired(self, response: Response) -> bool:
        """Whether a response says that the session is none (reference section 3.6)."""
        return response.status == 401 or self.is_login_page(response)

    def _api(self, method: str, path: str, body: Any = None) -> Request:
        headers = {"Accept": self.profile.accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Request(
            f"{self.base}/api/{path}",
            method=method,
            headers=headers,
            body=b"" if body is None else json.dumps(body).encode(),
            meta=self._meta(reading=method == "GET"),
        )

    def _visit(self, username: str, password: Secret) -> Request:
        page = self.profile.login_page
        visit = LogIn(username=username, password=password, page=page, session=COOKIE)
        return Request(f"{self.base}{page.path}", meta=self._meta() | {VISIT: visit})

    def _form(self, page: str, **fields: str) -> Request:
        return FormRequest(f"{self.base}{page}", method="POST", formdata=fields, meta=self._meta())

    def _meta(self, *, reading: bool = False) -> dict[str, Any]:
        meta: dict[str, Any] = {"satchel_service": "kemono", "dont_merge_cookies": True}
        if not reading:
            # A redirect that is followed ends in a page that looks like success (section 3.6).
            meta["dont_redirect"] = True
        return meta


def is_redirect(response: Response) -> bool:
    """Whether a response sends one elsewhere."""
    return response.status in (301, 302, 303, 307, 308) and "Location" in response.headers


def wants_other_accept(response: Response) -> bool:
    """Whether a 403 is about the ``Accept`` header (reference section 1.2)."""
    return response.status == 403 and b"Accept" in response.body[:1000]


def paces(settings: KemonoSettings) -> dict[str, Pace]:
    """Nothing is documented, so one request a second, and as many at once as the settings say."""
    if settings.url is None:
        return {}
    return {host_of(settings.url): Pace("1/second", settings.concurrency, ("kemono",))}


def _text(header: bytes | None) -> str:
    return (header or b"").decode("latin-1")
