"""Gets and uses a token with authlib: oauth.py ISSUER METHOD SCOPE.

METHOD is client_secret_basic or client_secret_post; standard input: {"id": ..., "secret": ...}.
Everything else is discovered (RFC 8414). Prints {"token": ..., "whoami": ...}.
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
if metadata["issuer"] != issuer:
    raise ValueError("another issuer: " + metadata["issuer"])
if method not in metadata["token_endpoint_auth_methods_supported"]:
    raise ValueError("not offered: " + method)
if "client_credentials" not in metadata["grant_types_supported"]:
    raise ValueError("no client credentials grant")

session = OAuth2Session(
    client["id"], client["secret"], scope=scope, token_endpoint_auth_method=method
)
token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", timeout=10)
whoami = session.get(issuer + "/whoami", timeout=10)
whoami.raise_for_status()
print(json.dumps({"token": token, "whoami": whoami.json()}))
