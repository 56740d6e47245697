"""README's commands get the answers that it shows."""

import json
import re
from pathlib import Path
from typing import Any

from tests.builders import packaged
from tests.running import Client

README = (Path(__file__).parents[2] / "README.md").read_text()


def shown(block: str) -> Any:
    """A JSON document of README without what it leaves out."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: kept(each) for name, each in value.items() if name != "…"}
        return [kept(each) for each in value] if isinstance(value, list) else value

    return kept(json.loads(block))


def agree(told: Any, answered: Any) -> bool:
    """Whether all that is told was answered."""
    if isinstance(told, dict):
        return all(name in answered and agree(each, answered[name]) for name, each in told.items())
    if isinstance(told, list):
        return len(told) == len(answered) and all(map(agree, told, answered))
    return bool(told == answered)


async def test_the_first_question_gets_the_answer_shown(client: Client) -> None:
    posts = re.findall(r"curl http://127.0.0.1:8787(/\S+) [^\n]* -d '(\{.*?\})'\n", README, re.DOTALL)
    assert [path for path, _ in posts] == ["/v1/events", "/v1/assessments"]
    (answer,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    replies = [await client.post(path, json.loads(body)) for path, body in posts]
    assert [reply.status for reply in replies] == [202, 200]
    assert agree(shown(answer), replies[1].body), replies[1].text


def test_the_rules_are_counted() -> None:
    ((number, off),) = re.findall(r"(\d+) rules \((\d+) are off", README)
    status = [file.compiled.rule.status for file in packaged()]
    assert (len(status), status.count("off")) == (int(number), int(off))
