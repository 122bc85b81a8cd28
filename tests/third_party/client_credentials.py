"""Gets a token from any issuer with authlib: client_credentials.py ISSUER SCOPE.

Standard input: {"id": ..., "secret": ...}. Prints the token response.
"""

import json
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session

issuer, scope = sys.argv[1:]
client = json.load(sys.stdin)
metadata = requests.get(issuer + "/.well-known/openid-configuration", timeout=10).json()
session = OAuth2Session(client["id"], client["secret"], scope=scope)
token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", timeout=10)
print(json.dumps(dict(token)))
