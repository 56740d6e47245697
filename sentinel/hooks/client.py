"""One POST to a target: checked address, no redirects, no proxy, a bounded answer, a bounded time."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
import msgspec

from sentinel.hooks.guard import ForbiddenAddressError, guarded

#: Bytes read of an answer; more says nothing that anybody needs.
MAX_ANSWER: Final = 16 * 1024
#: The status whose body says what is wrong (RFC 8935 section 2.3); of others the body is not read.
_EXPLAINED: Final = 400


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: ``status`` (0: nothing did, ``reason`` says why in words of ours), of a 400 the beginning of the
    body, and ``Retry-After`` as sent."""

    status: int
    reason: str = ""
    body: bytes = b""
    retry_after: str | None = None


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    try:
        return await answer.content.readexactly(MAX_ANSWER)
    except asyncio.IncompleteReadError as error:
        return error.partial
    except (TimeoutError, aiohttp.ClientError):
        return b""


class Poster:
    """Posts to one target. ``trusted`` replaces the system's certificate authorities."""

    def __init__(
        self, url: str, *, allow_private: bool = False, timeout: float = 15.0, trusted: ssl.SSLContext | None = None
    ) -> None:
        self.url = url
        self.timeout = timeout
        self._allow_private = allow_private
        self._trusted = trusted
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post and say what came back; raises nothing that a target can cause."""
        session = self._session or self._open()
        try:
            async with session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                # What it answered is known; that of its body nothing comes changes nothing.
                body = await _beginning(answer) if answer.status == _EXPLAINED else b""
                return Reply(status=answer.status, body=body, retry_after=answer.headers.get("Retry-After"))
        except TimeoutError:
            reason = f"no answer within {self.timeout:g} s"
        except aiohttp.ClientConnectorCertificateError:
            reason = "its certificate is not valid for this name, or of an authority that nobody here trusts"
        except aiohttp.ClientConnectorDNSError:
            reason = "its name cannot be resolved"
        except aiohttp.ClientConnectorError as error:
            inner = error.os_error
            forbidden = isinstance(inner, ForbiddenAddressError) or ForbiddenAddressError().args[1] in str(inner)
            reason = (
                "its address is of a private or special network (allow_private is false)"
                if forbidden
                else "no connection"
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = f"the connection broke off ({type(error).__name__})"
        return Reply(status=0, reason=reason)

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            # Each delivery connects anew, and each connect is checked; nothing is remembered of names. There is a cache
            # since posts that ask for a name at the same time share one look-up then: a name server that does not
            # answer holds one thread, not all there are.
            force_close=True,
            use_dns_cache=True,
            ttl_dns_cache=0,
            socket_factory=guarded(self._allow_private),
            ssl=self._trusted if self._trusted is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self.timeout),
            trust_env=False,  # a proxy would connect to what is not checked
            auto_decompress=False,  # a small answer may be a large one, packed
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "sentinel"},
        )
        return self._session
