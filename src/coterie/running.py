"""What one run of `discover` carries along: its settings, the stages kept, and how long each took."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, TypeVar

from coterie import __version__
from coterie.continuing import Earlier
from coterie.groups import Grouper
from coterie.keeping import FORMAT, STAGES, StageCodec
from coterie.language import make_encoder
from coterie.language.calls import ChatCalls
from coterie.language.endpoint import is_remote
from coterie.profiles import SHARED
from coterie.progress import Progress
from coterie.settings import Settings
from coterie.stages import StageStore

Result = TypeVar("Result")


@dataclass
class Run:
    """Settings, kept stages and timings of one run; the grouper of the caller's own and the chat model, if any."""

    settings: Settings
    store: StageStore
    progress: Progress
    grouper: Grouper | None = None
    chat: ChatCalls | None = None
    earlier: Earlier | None = None
    encoder: str = ""
    """Fingerprint: a folder may hold another model tomorrow, so what was learnt from vectors is kept by theirs."""
    timings: dict[str, float] = field(default_factory=dict)

    def kept(self, name: str, choices: tuple[Any, ...], make: Callable[[], Result]) -> Result:
        """The result of a stage: as it was kept under the same choices, or made now and kept."""
        codec: StageCodec[Any] = STAGES[name]
        key = json.dumps([__version__, FORMAT, self.encoder, choices], default=str)
        digest = blake2b(key.encode(), digest_size=8).hexdigest()
        with self.timed(name):
            stage = self.store.load(f"{name}-{digest}")
            if stage is not None:
                self.progress.note(f"{name}: as in an earlier run on the same data")
                result: Result = codec.unpack(stage)
                return result
            result = make()
            self.store.save(f"{name}-{digest}", *codec.pack(result))
            return result

    def least_users(self) -> int:
        """Users that must back what a name is made of: two where it goes to a server, unless that may read of one."""
        sent = self.chat is not None or is_remote(make_encoder(self.settings.encoder, self.settings))
        return SHARED if sent and not self.settings.allow_user_text else 1

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note how long a stage takes, in seconds."""
        start = time.perf_counter()
        yield
        self.timings[name] = round(time.perf_counter() - start, 3)
