"""Tokens: rotation signs nobody out, and ten thousand wrong ones are all refused."""

import base64
import hashlib
import hmac
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey

from chalicelib.accounts.access_tokens import write_token
from chalicelib.aws.keys import forget_keys
from chalicelib.edge import tokens
from tests.support import keys
from tests.support.plugin import REGION

MUTATIONS = 10_000
SECRET = "voucher-test-signing"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")
    return (
        json.loads(base64.urlsafe_b64decode(header + "==")),
        json.loads(base64.urlsafe_b64decode(claims + "==")),
        signature,
    )


def joined(header: Any, claims: Any, signature: str) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{signature}"


class Kind:
    """One kind of token: a good one, its key, and how it is presented."""

    def __init__(self, name: str, good: str, key: Any, algorithm: str, present: Callable[[str], int]) -> None:
        self.name, self.good, self.key, self.algorithm, self.present = name, good, key, algorithm, present
        self.header, self.claims, self.signature = parts(good)

    def signed(self, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """Sign changed claims; a claim given as None is left out."""
        full = {name: value for name, value in (self.claims | claims).items() if value is not None}
        signed_header = header or self.header
        return jwt.encode(signed_header, full, key or self.key, algorithms=[signed_header["alg"]])

    def with_hmac(self, algorithm: str, secret: bytes) -> str:
        """Sign with a secret that everybody knows: our public key."""
        digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
        start = joined(self.header | {"alg": algorithm}, self.claims, "").rstrip(".")
        return start + "." + b64(hmac.new(secret, start.encode(), digest).digest())

    def without(self, name: str) -> dict[str, Any]:
        return {field: value for field, value in self.header.items() if field != name}


def structured(kind: Kind) -> Iterator[tuple[str, str]]:
    """Give the attacks that are known by name."""
    now = int(time.time())
    public = [json.dumps(kind.key.as_dict(private=False)).encode(), kind.key.as_pem(private=False)]
    for none in ("none", "None", "NONE", "nOnE", ""):
        for signature in ("", kind.signature):
            yield "alg none", joined(kind.header | {"alg": none}, kind.claims, signature)
    for algorithm in ("HS256", "HS384", "HS512"):
        for secret in (*public, public[1].strip(), b""):
            yield "HMAC with the public key", kind.with_hmac(algorithm, secret)
    for algorithm in (
        "ES256",
        "EdDSA",
        "Ed25519",
        "RS256",
        "PS256",
        "ES384",
        "ES512",
        "ES256K",
        "Ed448",
        "x",
    ):
        if algorithm != kind.algorithm:
            yield "other algorithm", joined(kind.header | {"alg": algorithm}, kind.claims, kind.signature)
    other = (
        OKPKey.generate_key("Ed25519", {"kid": kind.key.kid})
        if kind.algorithm == "Ed25519"
        else ECKey.generate_key("P-256", {"kid": kind.key.kid})
    )
    yield "other key", kind.signed(key=other)
    embedded = kind.header | {"jwk": other.as_dict(private=False)}
    yield "key in the header", kind.signed(embedded, key=other)
    yield "key in the header", kind.signed(kind.header | {"jku": "https://evil.example/jwks"}, key=other)
    yield "no kid", kind.signed(kind.without("kid"))
    for kid in (None, 1, [], {}, "", "other", "../../dev/null", "' or 1=1", "x" * 2000):
        yield "other kid", joined(kind.header | {"kid": kid}, kind.claims, kind.signature)
    yield "unknown critical", joined(kind.header | {"crit": ["x"], "x": 1}, kind.claims, kind.signature)
    for issuer in (None, "", "https://evil.example", tokens.STAFF_ISSUER + " ", ["x"], 1):
        yield "other issuer", kind.signed(iss=issuer)
    for audience in (None, "", "other", ["other"], 1, {}):
        yield "other audience", kind.signed(aud=audience)
    for expires in (0, 1, now - 1, now - 3600, -1, "soon", [], {}, True, "NaN", None):
        yield "expired", kind.signed(exp=expires)
    for starts in (now + 3600, 10**12, "later", [], {}, "NaN", 10**400):
        yield "not yet valid", kind.signed(nbf=starts)
    for whole in (
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        kind.good + ".x",
        kind.good[:-8],
        "x" * 5000,
        "\x00",
    ):
        yield "no token", whole
    deep = b64(b"[" * 1500 + b"]" * 1500)
    yield "deep header", f"{deep}.{deep}.{kind.signature}"
    for header in ([], 1, None, "x", {}):
        yield "no header", joined(header, kind.claims, kind.signature)
    for claims in ([], 1, None, "x", {}):
        yield "no claims", joined(kind.header, claims, kind.signature)


def flipped(kind: Kind, chance: random.Random) -> str:
    """Change one bit of what the token says or of its signature."""
    place = chance.randrange(3)
    pieces = [base64.urlsafe_b64decode(piece + "==") for piece in kind.good.split(".")]
    raw = bytearray(pieces[place])
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    pieces[place] = bytes(raw)
    return ".".join(b64(piece) for piece in pieces)


def scrambled(kind: Kind, chance: random.Random) -> str:
    """Change one character of the text; one that changes nothing that is signed is not a mutation."""
    while True:
        place = chance.randrange(len(kind.good))
        text = kind.good[:place] + chance.choice("ABCxyz019-_.=é \t") + kind.good[place + 1 :]
        if text != kind.good and decoded(text) != decoded(kind.good):
            return text


def decoded(token: str) -> list[bytes | str]:
    pieces: list[bytes | str] = []
    for piece in token.split("."):
        try:
            pieces.append(base64.urlsafe_b64decode(piece + "=="))
        except ValueError:
            pieces.append(piece)
    return pieces


@pytest.fixture
def quiet() -> Iterator[None]:
    logger = logging.getLogger("training-voucher")
    logger.disabled = True
    yield
    logger.disabled = False


@pytest.fixture
def kinds(world: Any, api: Any) -> list[Kind]:
    from tests.support.people import staff_principal

    access = write_token(staff_principal("clerk"))
    body = {"items": [{"message_id": "x", "outcome": "accepted"}]}
    raw = json.dumps(body).encode()
    signature = keys.sign(
        keys.PLATFORM_KEY,
        {
            "iss": tokens.PLATFORM_ISSUER,
            "aud": tokens.SERVICE_ISSUER,
            **keys.call_of("/v1/exchange/acknowledgements"),
            "body_sha256": tokens.body_digest(raw),
            "sub": "x",
        },
    )
    nobody = api()

    def bearer(token: str) -> int:
        return int(nobody.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status)

    def card(token: str) -> int:
        sent = {"grant_type": "social_card", "assertion": token[:4096]}
        return int(nobody.post("/v1/auth/tokens", sent).status)

    def platform(token: str) -> int:
        headers = {"X-Message-Signature": token}
        return int(
            nobody.send("POST", "/v1/exchange/acknowledgements", body, raw=raw, headers=headers).status
        )

    return [
        Kind("access", access, tokens._own_keys("access")[0], "Ed25519", bearer),
        Kind("card", keys.card_assertion(world.person(1).id_number), keys.CARD_KEY, "ES256", card),
        Kind("platform", signature, keys.PLATFORM_KEY, "ES256", platform),
    ]


def test_ten_thousand_wrong_tokens_are_all_refused(kinds: list[Kind], capsys: Any, quiet: None) -> None:
    chance = random.Random(3)
    counts: Counter[str] = Counter()
    wrong: list[str] = []

    def offer(kind: Kind, why: str, token: str) -> None:
        counts[f"{kind.name}: {why}"] += 1
        status = kind.present(token)
        if status != 401:
            wrong.append(f"{kind.name}, {why}: {status} for {token[:80]!r}")

    for kind in kinds:
        assert kind.present(kind.good) == 200
        for why, token in structured(kind):
            offer(kind, why, token)
    while counts.total() < MUTATIONS:
        kind = kinds[counts.total() % 3]
        if chance.random() < 0.6:
            offer(kind, "a bit flipped", flipped(kind, chance))
        else:
            offer(kind, "a character changed", scrambled(kind, chance))
    with capsys.disabled():
        names = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        print(f"\ntokens: {counts.total()} wrong ones, {len(wrong)} accepted or failed ({names})")  # noqa: T201
    assert not wrong, "\n".join(wrong[:40])


@pytest.mark.parametrize(
    "claims",
    [
        {"role": "root"},
        {"role": None},
        {"role": ["clerk"]},
        {"role": "reviewer"},  # not what the account is
        {"division": "34"},
        {"institution": "91340111MX0000027D"},
        {"sub": "acc_nobody"},
        {"sub": None},
        {"iat": None},
        {"iat": "now"},
        {"role": "trainee"},
        {"role": "system"},
        {"role": "public"},
        {"role": "platform"},
        {"division": {"a": 1}},
        {"institution": 5},
        {"person_key": [1]},
    ],
)
def test_a_signed_token_says_no_more_than_its_account_is(kinds: list[Kind], claims: Any) -> None:
    assert kinds[0].present(kinds[0].signed(**claims)) == 401


@pytest.fixture
def signing_secret(cloud: Any) -> Iterator[Any]:
    client = boto3.client("secretsmanager", region_name=REGION)
    before = client.get_secret_value(SecretId=SECRET)["SecretString"]
    yield client
    client.put_secret_value(SecretId=SECRET, SecretString=before)
    client.put_secret_value(SecretId=SECRET, SecretString=before)
    forget_keys()


def rotate(client: Any, name: str) -> None:
    client.put_secret_value(SecretId=SECRET, SecretString=json.dumps({"seed": name + "-" + "y" * 48}))


def test_rotating_the_signing_secret_signs_nobody_out(api: Any, signing_secret: Any) -> None:
    before = api("clerk")
    rotate(signing_secret, "second")
    forget_keys()
    after = api("clerk")
    assert before.get("/v1/me").status == 200
    assert after.get("/v1/me").status == 200
    rotate(signing_secret, "third")
    forget_keys()
    assert after.get("/v1/me").status == 200
    assert before.get("/v1/me").status == 401, "a key two rotations old is dead"


def test_a_process_that_has_not_read_the_new_key_takes_its_tokens_at_once(
    api: Any, signing_secret: Any
) -> None:
    rotate(signing_secret, "newer")
    forget_keys()
    newer = api("clerk")
    for _ in range(2):  # this process knows nothing but the older key …
        rotate(signing_secret, "older")
    forget_keys()
    tokens._reread_at[0] = time.monotonic()
    assert newer.get("/v1/me").status == 401
    rotate(signing_secret, "newer")  # … until it meets a token of the newer
    tokens._reread_at[0] -= tokens._REREAD_SECONDS
    assert newer.get("/v1/me").status == 200
