"""A relying party on Authlib: one login, told on standard output.

    python relying_party.py ISSUER PARTY REDIRECT_URI COMMAND…

PARTY is what `tefuda rp register --json` printed. COMMAND gets the authorization URL as its last argument, is
browser and phone in one (`tefuda --json phone login NAME …`), and prints where the browser was sent back to.
"""
import json
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwk, jwt

issuer, file, redirect_uri, *command = sys.argv[1:]
with open(file, encoding="utf-8") as party:
    party = json.load(party)
provider = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
assert provider["issuer"] == issuer, provider["issuer"]

session = OAuth2Session(
    party["client_id"],
    jwk.ECKey.import_key(party["private_jwk"]),
    token_endpoint_auth_method="private_key_jwt",
    code_challenge_method="S256",
    redirect_uri=redirect_uri,
    scope="openid",
)
session.register_client_auth_method(PrivateKeyJWT(provider["token_endpoint"], alg="ES256"))
verifier, nonce = generate_token(48), generate_token(32)
url, state = session.create_authorization_url(
    provider["authorization_endpoint"], code_verifier=verifier, nonce=nonce
)

answer = json.loads(subprocess.run([*command, url], stdout=subprocess.PIPE, check=False).stdout)
redirect = answer["redirect"]
sent_back = {name: values[0] for name, values in parse_qs(urlsplit(redirect).query).items()}
assert sent_back["state"] == state and sent_back["iss"] == issuer, sent_back
if "error" in sent_back:
    print(json.dumps({name: sent_back.get(name) for name in ("error", "error_description")}))
    sys.exit()

token = session.fetch_token(
    provider["token_endpoint"], authorization_response=redirect, state=state, code_verifier=verifier
)
keys = jwk.KeySet.import_key_set(requests.get(provider["jwks_uri"], timeout=10).json())
id_token = jwt.decode(token["id_token"], keys, algorithms=["ES256"])
claims = CodeIDToken(
    id_token.claims,
    id_token.header,
    {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": party["client_id"]}},
    {"nonce": nonce, "client_id": party["client_id"], "access_token": token["access_token"]},
)
claims.validate()
userinfo = session.get(provider["userinfo_endpoint"]).json()
assert userinfo["sub"] == claims["sub"], userinfo
print(json.dumps({"claims": dict(claims), "userinfo": userinfo}))
