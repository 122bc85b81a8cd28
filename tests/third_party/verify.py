"""Verifies a token with joserfc: verify.py JWKS_URL ISSUER AUDIENCE, the token on standard input.

Prints its claims as JSON; an invalid token ends the program with an exception.
"""

import json
import sys

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

jwks_url, issuer, audience = sys.argv[1:]
token = sys.stdin.read()

response = requests.get(jwks_url, timeout=10)
response.raise_for_status()
keys = KeySet.import_key_set(response.json())

decoded = jwt.decode(token, keys, algorithms=["Ed25519", "EdDSA", "ES256", "RS256"])
if decoded.header.get("typ") != "at+jwt":
    raise ValueError("not an access token: " + str(decoded.header))
required = {name: {"essential": True} for name in ("sub", "client_id", "exp", "iat", "jti")}
jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": issuer},
    aud={"essential": True, "value": audience},
    **required,
).validate(decoded.claims)

print(json.dumps(decoded.claims))
