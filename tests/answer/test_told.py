"""What a person answers on the page reaches the systems of the service."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.answer.watching import CONFIG, Watched, far, phone
from tests.hooks.receiver import PATIENCE, HookServer
from tests.hooks.told import CAEP, RISC, configuration, tokens, told, verified
from tests.running import InProcess, MailServer


def given(receiver: HookServer) -> list[dict[str, Any]]:
    """The answers that were told so far."""
    return [each["data"] for each in told(receiver) if each["type"] == "answer.given"]


async def test_a_no_is_told_by_hook_and_by_signed_tokens_and_a_yes_by_hook(
    start: Callable[..., Awaitable[InProcess]], mail_server: MailServer, tmp_path: Path
) -> None:
    receiver = await HookServer().start()
    try:
        daemon = await start(configuration(tmp_path, receiver) + CONFIG)
        watched = Watched(daemon, await daemon.client(), mail_server)
        (path,) = await watched.mailed(far("e-1", session_id="s-far"))
        await receiver.wait(3)  # assessment and mail by hook, the level by stream
        await watched.answer(path, "no")
        await receiver.wait(8)
        assert [
            (each["event"], each["account"], each["verdict"], each["by"], each["counts"]) for each in given(receiver)
        ] == [("e-1", "u-1", "compromised", "person", True)]
        claims = [await verified(daemon, each) for each in tokens(receiver)[1:]]
        assert {next(iter(each["events"])) for each in claims} == {
            CAEP + "session-revoked", CAEP + "risk-level-change", RISC + "credential-compromise",
            RISC + "account-credential-change-required",
        }  # fmt: skip
        (revoked,) = [each for each in claims if CAEP + "session-revoked" in each["events"]]
        assert revoked["sub_id"]["session"] == {"format": "opaque", "id": "s-far"}

        assert await watched.links(1) == []  # operators' mail about it
        (path,) = await watched.mailed(phone("e-2"), "u-2")
        await watched.answer(path, "yes")
        async with asyncio.timeout(PATIENCE):
            while len(answers := given(receiver)) < 2:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
        assert (answers[1]["event"], answers[1]["verdict"], answers[1]["by"]) == ("e-2", "legitimate", "person")
    finally:
        await receiver.stop()
