"""Gets, uses, introspects and revokes a token with authlib: oauth.py ISSUER METHOD SCOPE.

METHOD is client_secret_basic or client_secret_post; standard input: {"id": ..., "secret": ...}.
Everything else is discovered (RFC 8414). Prints {"token": ..., "whoami": ..., "introspection": ..., "after": ...},
where "after" has the response of introspection and the status of /whoami after the revocation.
"""

import json
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

issuer, method, scope = sys.argv[1:]
client = json.load(sys.stdin)

response = requests.get(get_well_known_url(issuer, external=True), timeout=10)
response.raise_for_status()
metadata = AuthorizationServerMetadata(response.json())
# authlib requires https, which the server on loopback does not support, and treats an empty list as missing; all other
# checks apply.
for name in metadata.REGISTRY_KEYS:
    try:
        getattr(metadata, "validate_" + name)()
    except ValueError as error:
        if "https" not in str(error) and metadata.get(name) != []:
            raise
if metadata["issuer"] != issuer:
    raise ValueError("unexpected issuer: " + metadata["issuer"])
for offered in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
    if method not in metadata[offered + "_auth_methods_supported"]:
        raise ValueError("not supported: " + method + " at " + offered)
if "client_credentials" not in metadata["grant_types_supported"]:
    raise ValueError("client_credentials is not supported")

session = OAuth2Session(
    client["id"],
    client["secret"],
    scope=scope,
    token_endpoint_auth_method=method,
    revocation_endpoint_auth_method=method,
)
token = dict(
    session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", timeout=10)
)
whoami = session.get(issuer + "/whoami", timeout=10)
whoami.raise_for_status()


def introspect():
    response = session.introspect_token(
        metadata["introspection_endpoint"], token=token["access_token"], timeout=10
    )
    response.raise_for_status()
    return response.json()


introspection = introspect()
revoked = session.revoke_token(
    metadata["revocation_endpoint"],
    token=token["access_token"],
    token_type_hint="access_token",
    timeout=10,
)
revoked.raise_for_status()
after = {
    "introspection": introspect(),
    "status": session.get(issuer + "/whoami", timeout=10).status_code,
}
print(
    json.dumps(
        {
            "token": token,
            "whoami": whoami.json(),
            "introspection": introspection,
            "after": after,
        }
    )
)
