"""All questions that one run asks a chat model: kept answers, an end to failures, several at once, an account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any

from coterie.errors import ChatAnswerError, ChatClosedError, ChatError, SettingsError
from coterie.language.answers import CachedChat
from coterie.language.chat import ChatModel, EndpointChat
from coterie.language.form import Messages
from coterie.language.local import LOCAL, LocalChat
from coterie.language.meter import Meter
from coterie.parallel import at_most
from coterie.settings import Settings

FAILURES = 3
"""Questions without an answer, one after another, after which none is asked any more."""

Question = tuple[Messages, Mapping[str, Any]]
"""Messages, and the schema of the answer."""
Answer = dict[str, Any] | ChatError
"""An answer, or why there is none."""


class ChatCalls:
    """A chat model as a run asks it; a `ChatModel` itself.

    After three failures in a row, or one that no other try can change, nothing is asked any more: a circuit breaker
    (Nygard 2007), open to the end of the run. Answers that are kept are there all the same.

    Questions that tell of single users are asked with `about_users` and in no other way.

    Args:
        model: asked.
        kept: whether its answers are kept in the cache folder.
        at_once: questions under way at the same time, at most.
        allow_user_text: whether it may read what a single user has.
    """

    def __init__(
        self, model: ChatModel, *, kept: bool = False, at_once: int = 1, allow_user_text: bool = False
    ) -> None:
        self.name, self.fingerprint = model.name, model.fingerprint
        self.meter: Meter = getattr(model, "meter", None) or Meter()
        self.at_once, self.allow_user_text = at_once, allow_user_text
        self._asked: ChatModel = _Breaker(model, self.meter)
        if kept:
            self._asked = CachedChat(self._asked, meter=self.meter)

    @classmethod
    def of(cls, model: ChatModel) -> ChatCalls:
        """The model as it is, where it is asked this way already, else asked one by one, its answers not kept."""
        return model if isinstance(model, cls) else cls(model)

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The answer; see `ChatModel.complete`."""
        return self._asked.complete(messages, schema)

    def complete_all(
        self, questions: Sequence[Question], answered: Callable[[], None] = lambda: None, *, about_users: bool = False
    ) -> list[Answer]:
        """Answers to questions that do not depend on each other, in their order, or the errors instead.

        Args:
            questions: asked `at_once` at a time.
            answered: called after each, from one thread at a time.
            about_users: whether they tell of single users.

        Raises:
            SettingsError: they do, and may not.
        """
        if about_users:
            check_user_text(allowed=self.allow_user_text)
        lock = Lock()

        def ask(question: Question) -> Answer:
            try:
                return self.complete(*question)
            except ChatError as error:
                return error
            finally:
                with lock:
                    answered()

        return at_most(self.at_once, [partial(ask, question) for question in questions])

    def record(self, settings: Settings) -> dict[str, Any]:
        """What `quality.json` says: the model, and what its `meter` counted, with the cost."""
        return {"model": self.name, **self.meter.record(settings.chat_price_in, settings.chat_price_out)}


class _Breaker:
    """A model that is left alone once it has failed for good.

    Until it has answered once, questions wait for each other: how its server wants to be asked is found out by one, and
    one that is not there is asked three times and no more.
    """

    def __init__(self, model: ChatModel, meter: Meter) -> None:
        self.name, self.fingerprint = model.name, model.fingerprint
        self._model, self._meter = model, meter
        self._counted = getattr(model, "meter", None) is meter
        self._failures, self._closed, self._works = 0, "", False
        self._lock, self._first = Lock(), Lock()

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        if not self._works:
            with self._first:
                if not self._works:
                    return self._ask(messages, schema)
        return self._ask(messages, schema)

    def _ask(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        if self._closed:
            self._meter.failed_one()
            raise ChatClosedError(self._closed)
        try:
            answer = self._model.complete(messages, schema)
        except ChatAnswerError:
            self._failed(None)
            raise
        except ChatError as error:
            self._failed(error)
            raise
        self._failed(None)
        return answer

    def _failed(self, error: ChatError | None) -> None:
        """Count a question: None where the model has answered, whatever it said."""
        with self._lock:
            if error is None:
                self._failures, self._works = 0, True
                if not self._counted:
                    self._meter.answered()
                return
            self._meter.failed_one()
            self._failures += 1
            if isinstance(error, ChatClosedError):
                self._closed = self._closed or error.message
            elif self._failures >= FAILURES:
                self._closed = self._closed or f"{error.message} (not asked on after {FAILURES} failures in a row)"


def check_user_text(*, allowed: bool) -> None:
    """Refuse to go on where the chat model would read what a single user has, and may not.

    Raises:
        SettingsError: it may not.
    """
    if not allowed:
        raise SettingsError(
            "the chat model would read items of single users' histories, and it may not",
            hint="where your users agree to that: --allow-user-text, or COTERIE_ALLOW_USER_TEXT=1",
        )


def make_chat(settings: Settings) -> EndpointChat | LocalChat | None:
    """The chat model that the settings name; None where they name none.

    Raises:
        SettingsError: only one of `chat_base_url` and `chat_model` is set, or one of the settings cannot be used.
        MissingExtraError: the model is a file, and the package that runs it is not installed.
    """
    url, model = settings.chat_base_url, settings.chat_model
    _check_prices(settings)
    if model and model.startswith(LOCAL):
        return LocalChat.of(model, seconds=settings.chat_seconds, threads=settings.chat_threads)
    if not url and not model:
        return None
    if not url or not model:
        missing, other = ("chat_base_url", "chat_model") if not url else ("chat_model", "chat_base_url")
        hint = f"set both, or neither: COTERIE_{missing.upper()}"
        if model and model.endswith(".gguf"):
            hint = f"a file that is run on this machine is given as {LOCAL}{model}"
        raise SettingsError(f"setting {other!r} is set, but {missing!r} is not", hint=hint)
    key = settings.chat_api_key.get_secret_value().strip() if settings.chat_api_key else ""
    return EndpointChat(url, model, key, seconds=settings.chat_seconds)


def _check_prices(settings: Settings) -> None:
    prices = {name: getattr(settings, name) for name in ("chat_price_in", "chat_price_out")}
    missing = [name for name, price in prices.items() if price is None]
    if len(missing) == 1:
        (other,) = set(prices) - set(missing)
        raise SettingsError(
            f"setting {other!r} is set, but {missing[0]!r} is not", hint="give both prices, or neither; 0 is a price"
        )


@contextmanager
def chat_calls(model: ChatModel | None, settings: Settings) -> Iterator[ChatCalls | None]:
    """The chat model of a run while it goes on: the caller's own, else that of the settings; None where there is none.

    A model that runs on this machine is ended with it, however the run ends.

    Args:
        model: the caller's own; asked one question at a time, and its answers are not kept.
        settings: of the run.
    """
    if model is not None:
        yield ChatCalls(model, allow_user_text=settings.allow_user_text)
        return
    own = make_chat(settings)
    if own is None:
        yield None
        return
    at_once = settings.chat_at_once if isinstance(own, EndpointChat) else 1
    try:
        yield ChatCalls(own, kept=True, at_once=at_once, allow_user_text=settings.allow_user_text)
    finally:
        if isinstance(own, LocalChat):
            own.close()
