"""Signs a token with joserfc; standard input: {"pem": PKCS #8, "header": {...}, "claims": {...}}."""

import json
import sys

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

given = json.load(sys.stdin)
algorithm = given["header"]["alg"]
kind = {"EdDSA": OKPKey, "ES256": ECKey, "RS256": RSAKey}[algorithm]
key = kind.import_key(given["pem"])
print(jwt.encode(given["header"], given["claims"], key, algorithms=[algorithm]), end="")
