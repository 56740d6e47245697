"""A daemon that tells a receiver, and what the receiver makes of it with other libraries than ours."""

from pathlib import Path
from typing import Any

import jwt
from standardwebhooks.webhooks import Webhook

from tests.hooks.receiver import HookServer
from tests.running import InProcess

SECRET = "whsec_" + "c2VudGluZWwgc2VudGluZWwgc2VudGluZWw="
ISSUER = "https://sentinel.example.org"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"


def configuration(folder: Path, receiver: HookServer) -> str:
    """A hook and a stream to the receiver; their secrets are put into ``folder``."""
    for name, text in (("hook.secret", SECRET), ("stream.token", "t-0k-3n")):
        (folder / name).write_text(text + "\n")
        (folder / name).chmod(0o600)
    return (
        f'[[hooks]]\nname = "auth"\nurl = "{receiver.url}"\nsecrets = ["hook.secret"]\nallow_private = true\n'
        f'[signals]\nissuer = "{ISSUER}"\n'
        f'[[streams]]\nname = "idp"\nendpoint = "http://127.0.0.1:{receiver.port}/sets"\naudience = "https://idp.example.org"\n'
        'token_file = "stream.token"\nallow_private = true\n'
    )


def told(receiver: HookServer) -> list[dict[str, Any]]:
    """The payloads of webhooks so far, each verified by the standard's own library."""
    return [Webhook(SECRET).verify(came.body, came.headers) for came in receiver.came if came.path == "/hook"]


def tokens(receiver: HookServer) -> list[str]:
    return [came.body.decode() for came in receiver.came if came.path == "/sets"]


async def verified(daemon: InProcess, token: str) -> dict[str, Any]:
    """The claims of a token, verified as a receiver does: by the keys that the daemon serves, with another library."""
    stranger = daemon.stranger()
    found = (await stranger.get("/.well-known/ssf-configuration")).body
    assert found["issuer"] == ISSUER
    assert found["jwks_uri"] == f"{ISSUER}/.well-known/jwks.json"
    keys = jwt.PyJWKSet.from_dict((await stranger.get("/.well-known/jwks.json")).body)
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "secevent+jwt"
    claims: dict[str, Any] = jwt.decode(
        token, keys[header["kid"]].key, algorithms=["ES256"], audience="https://idp.example.org", issuer=ISSUER,
        options={"require": ["iss", "iat", "jti", "aud"]},
    )  # fmt: skip
    assert "sub" not in claims
    assert "exp" not in claims
    assert len(claims["events"]) == 1
    return claims
