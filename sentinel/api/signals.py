"""What receivers of Shared Signals look up: the transmitter's configuration, and the keys of its tokens."""

from aiohttp import web

from sentinel.api.handling import answer
from sentinel.api.problems import Problem
from sentinel.api.service import Service
from sentinel.hooks.keys import public_keys
from sentinel.hooks.signals import metadata

#: Seconds that a receiver may keep the keys; a token with a key it does not know lets it look again.
_KEEP = 300


async def get_ssf_configuration(request: web.Request, service: Service) -> web.Response:
    """Transmitter configuration metadata of OpenID Shared Signals 1.0; 404 where no issuer is configured."""
    return answer(metadata(_issuer(service)))


async def get_jwks(request: web.Request, service: Service) -> web.Response:
    """The public keys of Security Event Tokens (RFC 7517); 404 where no issuer is configured."""
    _issuer(service)
    found = answer(public_keys(service.vault.keyring, service.clock()))
    found.headers["Cache-Control"] = f"max-age={_KEEP}"
    return found


def _issuer(service: Service) -> str:
    if (issuer := service.issuer()) is None:
        raise Problem(404, "no issuer of Shared Signals is configured ([signals] issuer)")
    return str(issuer)
