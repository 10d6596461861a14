"""Authlib: the session of `requests` through the whole story, its check of metadata, and its reading of access tokens."""

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from checks import check, equal, finished, given, refused, send
from joserfc import jwt
from joserfc.jwk import KeySet

issuer, resource, other = given["issuer"], given["resource"], given["other"]
plain, odd, public = given["nativeConfidential"], given["confidential"], given["open"]
scope = "read:orders write:orders"

with check("discovery: the metadata is sound, and at both addresses"):
    metadata = requests.get(get_well_known_url(issuer, external=True)).json()
    AuthorizationServerMetadata(metadata).validate()
    equal(metadata["issuer"], issuer)
    equal(requests.get(f"{issuer}/.well-known/openid-configuration").json(), metadata)
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"]).json())

for kind, of in [("none", public), ("client_secret_basic", plain), ("client_secret_post", odd)]:
    ends = {"code_challenge_method": "S256", "scope": scope, "redirect_uri": of["redirect_uri"], "token_endpoint": metadata["token_endpoint"]}
    methods = {"token_endpoint_auth_method": kind, "revocation_endpoint_auth_method": kind}
    session = OAuth2Session(of["client_id"], of.get("client_secret"), **ends, **methods)
    verifier = "a-verifier-of-forty-three-characters-at-least-~._"

    def asked(**more):
        wishes = more.pop("wishes", {})
        url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, resource=more.pop("resource", resource), **more)
        return send(url, **wishes), state

    def redeem(answer, state, **more):
        return session.fetch_token(authorization_response=answer, state=state, code_verifier=more.pop("code_verifier", verifier), **more)

    with check(f"{kind}: code and tokens"):
        answer, state = asked()
        tokens = redeem(answer, state)
        equal((tokens["token_type"], tokens["scope"], tokens["refresh_token"][:4]), ("Bearer", scope, "prt_"))
    with check(f"{kind}: the session calls the API"):
        equal(session.get(resource).status_code, 204)
        equal(session.get(other).status_code, 401)
    with check(f"{kind}: joserfc reads the access token"):
        claims = jwt.decode(session.token["access_token"], keys, algorithms=["ES256"])
        equal(claims.header["typ"], "at+jwt")
        jwt.JWTClaimsRegistry(iss={"essential": True, "value": issuer}, aud={"essential": True, "value": resource}, exp={"essential": True}).validate(claims.claims)
    with check(f"{kind}: an old token is refreshed before the next call"):
        before = session.token["refresh_token"]
        session.token["expires_at"] = 1
        equal(session.get(resource).status_code, 204)
        equal(session.token["refresh_token"] != before, True)
    with check(f"{kind}: a code serves once"):
        answer, state = asked()
        redeem(answer, state)
        with refused(OAuthError, "invalid_grant"):
            redeem(answer, state)
    with check(f"{kind}: a code needs its verifier"):
        answer, state = asked()
        with refused(OAuthError, "invalid_grant"):
            redeem(answer, state, code_verifier=verifier[::-1])
        redeem(answer, state)
    with check(f"{kind}: the state is compared"):
        answer, state = asked()
        with refused(AuthlibBaseError, "mismatching_state"):
            redeem(answer, "another")
    with check(f"{kind}: an unknown resource and a refusal reach the client"):
        for error, more in [("invalid_target", {"resource": "https://elsewhere.example.test"}), ("access_denied", {"prompt": "consent", "wishes": {"consent": "deny"}})]:
            answer, state = asked(**more)
            equal((f"error={error}" in answer, f"state={state}" in answer, "iss=" in answer), (True, True, True))
    if kind != "none":
        with check(f"{kind}: introspection"):
            found = session.introspect_token(metadata["introspection_endpoint"], session.token["access_token"]).json()
            equal((found["active"], found["client_id"], found["aud"]), (True, of["client_id"], resource))
    with check(f"{kind}: revocation"):
        session.scope = None
        answer, state = asked(scope=scope)
        token = redeem(answer, state)["refresh_token"]
        equal(session.revoke_token(metadata["revocation_endpoint"], token, "refresh_token").status_code, 200)
        with refused(OAuthError, "invalid_grant"):
            session.refresh_token(metadata["token_endpoint"], token)
    with check(f"{kind}: another grant type is refused"):
        with refused(OAuthError, "unsupported_grant_type"):
            session.fetch_token(grant_type="password", username="alice@example.com", password="x")
finished()
