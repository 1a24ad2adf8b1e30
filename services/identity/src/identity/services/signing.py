"""Key pairs and signatures: JWK (RFC 7517), thumbprints (RFC 7638), and JWS in its compact form (RFC 7515)."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import JWSRegistry
from pydantic import JsonValue

from identity.models.keys import Algorithm, SigningKey
from identity.services.sealing import Seal

_MODELS: Final = {"ES256": "ES256", "EdDSA": "Ed25519"}
"""RFC 9864 renames the second; Envoy 1.40 knows it by its older name only, so that is what tokens say."""


def make_key(algorithm: Algorithm, seal: Seal, *, published_at: datetime, signs_from: datetime) -> SigningKey:
    """Return a new key pair."""
    pair = ECKey.generate_key("P-256") if algorithm == "ES256" else OKPKey.generate_key("Ed25519")
    kid = pair.thumbprint()
    public: dict[str, JsonValue] = {
        name: value for name, value in pair.as_dict(private=False).items() if isinstance(value, str)
    }
    return SigningKey(
        kid=kid,
        algorithm=algorithm,
        public={**public, "kid": kid, "use": "sig", "alg": algorithm},
        sealed=seal.close(kid, json.dumps(pair.as_dict(private=True)).encode()),
        published_at=published_at,
        signs_from=signs_from,
    )


class Signer:
    """Signs with one key, which is opened once."""

    def __init__(self, key: SigningKey, seal: Seal) -> None:
        private = json.loads(seal.open(key.kid, key.sealed))
        self._pair = ECKey.import_key(private) if key.algorithm == "ES256" else OKPKey.import_key(private)
        self._model = JWSRegistry.algorithms[_MODELS[key.algorithm]]
        self._header = {"alg": key.algorithm, "kid": key.kid}

    def sign(self, kind: str, claims: Mapping[str, JsonValue]) -> str:
        """Return a token whose header says that its type is `kind`."""
        signed = f"{_encoded({**self._header, 'typ': kind})}.{_encoded(claims)}"
        signature = self._model.sign(signed.encode(), self._pair)
        return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _encoded(document: Mapping[str, JsonValue]) -> str:
    raw = json.dumps(document, separators=(",", ":")).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
