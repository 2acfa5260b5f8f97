"""JSON to a server and back: tried again where that helps, and over in time whatever the server does."""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from coterie.errors import ChatClosedError, ChatError, SettingsError

TRIES = 4
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the second try, doubled before each further one."""
MOST_BYTES = 1_000_000

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP statuses that another try may change."""
_SPENT = frozenset({"insufficient_quota", "insufficient_balance", "billing_hard_limit_reached"})
"""What servers call it where 429 will not pass: the account has nothing left."""
_CODE = re.compile("[a-z][a-z_]{2,39}")


@dataclass(frozen=True)
class Service:
    """What a server is asked for.

    Attributes:
        key: variable that holds its key.
        place: variables that say where it is and what is asked there.
        most_bytes: longest answer that is read.
    """

    key: str = "COTERIE_CHAT_API_KEY"
    place: str = "COTERIE_CHAT_BASE_URL (it ends in /v1 with most servers) and COTERIE_CHAT_MODEL"
    most_bytes: int = MOST_BYTES

    def hint(self, status: int) -> str | None:
        """What may help against a refusal."""
        if status in {402, 429}:
            return "the account has no credit left: top it up, or set another endpoint"
        if status in {401, 403}:
            return f"check {self.key}" + (" and what it is allowed to do" if status == 403 else "")
        return f"check {self.place}" if status == 404 else None


CHAT = Service()


def check_endpoint(kind: str, base_url: str, api_key: str) -> str:
    """The host and port of an endpoint that the settings `<kind>_base_url` and `<kind>_api_key` name.

    Raises:
        SettingsError: the URL is no http or https URL, or holds a password, or the key cannot stand in a header.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        shown = base_url if not (parts.username or parts.password) else "a URL with a user or password in it"
        raise SettingsError(
            f"setting '{kind}_base_url' cannot be {shown!r}",
            hint=f"give an address such as http://localhost:8080/v1; a key goes into COTERIE_{kind.upper()}_API_KEY",
        )
    if not all("!" <= letter <= "~" for letter in api_key):
        raise SettingsError(
            f"setting '{kind}_api_key' holds characters that no key has", hint="copy it again, without spaces"
        )
    return parts.netloc


def post_json(
    url: str, body: object, headers: Mapping[str, str], *, until: float, service: Service = CHAT
) -> tuple[int, object]:
    """POST a JSON body and read a JSON answer.

    A refused connection, a broken answer and a status such as 429 or 503 are tried again, up to four times in all,
    after a pause that doubles, or as long as `Retry-After` says. Redirects are not followed: they would carry the key
    to another place.

    Args:
        url: http or https.
        body: anything that JSON holds.
        headers: sent besides the content type.
        until: moment of `time.monotonic` at which this is over, whatever the server does.
        service: what the server is asked for.

    Returns:
        200 and the answer, or 400 or 422 and what the server says of it (None where that is no JSON): it does not take
        the body.

    Raises:
        ChatClosedError: the server refuses for good.
        ChatError: the server cannot be reached, or has not answered in time.
    """
    request = urllib.request.Request(  # noqa: S310 - the caller has checked the scheme
        url,
        json.dumps(body, ensure_ascii=False).encode("utf-8", errors="replace"),
        {**headers, "Content-Type": "application/json", "Accept": "application/json", "User-Agent": "coterie"},
    )
    place = urlsplit(url).netloc
    found = _Answer(problem="there was no time left to ask")
    for attempt in range(TRIES):
        left = until - time.monotonic()
        if left <= 0:
            break
        found = _send_in_time(request, left, service.most_bytes)
        if found.status in {400, 422}:
            return found.status, found.content
        if found.status == 200 and not found.problem:
            return 200, found.content
        if found.status and (found.status not in {200, *_PASSING} or error_code(found.content) in _SPENT):
            raise ChatClosedError(f"{place} refuses: {found.problem}", hint=service.hint(found.status))
        pause = _pause(attempt, found.retry_after)
        if attempt + 1 == TRIES or time.monotonic() + pause >= until:
            break
        time.sleep(pause)
    raise ChatError(
        f"{place} does not answer: {found.problem}", hint="check that the server runs and is not overloaded"
    )


@dataclass
class _Answer:
    """What came of one try: content, or a problem with the status where there was one."""

    status: int = 0
    content: object = None
    problem: str = ""
    retry_after: str | None = None


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait: what the server asks for, else a doubling pause with some chance in it."""
    if retry_after:
        try:
            return max(0.0, float(retry_after))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
        except ValueError:
            pass
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.75, 1.25))  # noqa: S311


def _send_in_time(request: urllib.request.Request, seconds: float, most_bytes: int) -> _Answer:
    """One try that is over after `seconds`.

    A socket's timeout counts from byte to byte, and looking up a name has none: a server that drips would hold a run
    for ever. So the try is made in a thread of its own, which nobody waits for longer.
    """
    found: list[_Answer] = []
    until = time.monotonic() + seconds
    thread = threading.Thread(target=lambda: found.append(_send(request, until, most_bytes)), daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else _Answer(problem=f"no answer in {seconds:.0f} seconds")


def _send(request: urllib.request.Request, until: float, most_bytes: int) -> _Answer:
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=max(0.01, until - time.monotonic())) as response:
            return _Answer(200, json.loads(_read(response, until, most_bytes)))
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error, until)
    except urllib.error.URLError as error:
        return _Answer(problem=str(error.reason))
    except (ValueError, RecursionError):
        return _Answer(200, problem="its answer is no JSON")
    except (OSError, http.client.HTTPException) as error:
        return _Answer(problem=str(error) or type(error).__name__)


def _refused(error: urllib.error.HTTPError, until: float) -> _Answer:
    """What a server says beside a status that is not 200; of it, no more than a code is ever shown."""
    try:
        content = json.loads(_read(error, until, MOST_BYTES))
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        content = None
    code = error_code(content)
    problem = f"HTTP {error.code}{f' ({code})' if code else ''}"
    return _Answer(error.code, content, problem, error.headers.get("Retry-After"))


def error_code(content: object) -> str:
    """The code of an error, `{"error": {"code": "rate_limit_exceeded"}}`: lower-case letters, so that no key is one."""
    error = content.get("error", content) if isinstance(content, dict) else None
    told = [error.get(name) for name in ("code", "type")] if isinstance(error, dict) else []
    return next((code for code in told if isinstance(code, str) and _CODE.fullmatch(code)), "")


def _read(response: http.client.HTTPResponse | urllib.error.HTTPError, until: float, most_bytes: int) -> bytes:
    """The body, as long as it is short and in time.

    Raises:
        TimeoutError: it is not in time.
        ValueError: it is longer than any answer.
    """
    read = bytearray()
    while block := response.read1(65_536):
        read += block
        if len(read) > most_bytes:
            raise ValueError("longer than any answer")
        if time.monotonic() > until:
            raise TimeoutError("the answer comes too slowly")
    return bytes(read)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Turns a redirect into the error it is here."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Follow nothing."""
