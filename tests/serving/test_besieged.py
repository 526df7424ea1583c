"""A server under attack tells each attack what it may be told, and everybody else what it told before."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from hiercls.serving import Tokens
from hostile.besiegers import Attack, attacks, request, told

TOKENS = {name: f"token-of-{name}-0123456789" for name in ("admin", "one")}
SLOW = {"a byte a second", "silence"}


@pytest.fixture(scope="module")
def address(live) -> tuple[str, int]:
    place = urlsplit(live(tokens=Tokens(admin=TOKENS["admin"], customers={"one": TOKENS["one"]})))
    return str(place.hostname), int(place.port)


def asked(address: tuple[str, int]) -> tuple[int, bytes]:
    body = json.dumps({"documents": ["a1 b2", "e3"], "at": ["one"]}).encode()
    data = request("/predict", body, token=TOKENS["one"])
    return told(address, Attack(send=lambda connection: connection.sendall(data), allowed=frozenset()))


@pytest.mark.parametrize("name", sorted(set(attacks(TOKENS, random.Random(0))) - SLOW))
def test_an_attack_is_told_what_it_may_be_told(name, address):
    before = asked(address)
    for seed in range(3):
        attack = attacks(TOKENS, random.Random(seed))[name]
        status, body = told(address, attack)
        assert status in attack.allowed, (status, body[:200])
    assert before[0] == 200
    assert asked(address) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_who_is_slow_holds_nobody_up(name, address):
    attack = attacks(TOKENS, random.Random(0))[name]
    with ThreadPoolExecutor(20) as pool:
        slow = [pool.submit(told, address, attack) for _ in range(20)]
        time.sleep(1)
        assert [asked(address)[0] for _ in range(5)] == [200] * 5
        assert not any(one.done() for one in slow)
        assert {one.result()[0] for one in slow} <= attack.allowed
