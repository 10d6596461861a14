"""requests-oauth2client, which compares `iss` and insists on https: the whole story, and an API session that refreshes."""

import requests
from checks import check, equal, finished, given, refused, send
from requests_oauth2client import (
    BearerToken,
    ClientSecretBasic,
    ClientSecretPost,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    LoginRequired,
    OAuth2AccessTokenAuth,
    OAuth2Client,
    PublicApp,
)
from requests_oauth2client.exceptions import AuthorizationResponseError, MismatchingIssuer, MismatchingState, MissingIssuer, OAuth2Error

issuer, resource, other = given["issuer"], given["resource"], given["other"]
plain, odd, public = given["nativeConfidential"], given["confidential"], given["open"]
scope = "read:orders write:orders"

kinds = [
    ("none", public, PublicApp(public["client_id"])),
    ("client_secret_basic", plain, ClientSecretBasic(plain["client_id"], plain["client_secret"])),
    ("client_secret_post", odd, ClientSecretPost(odd["client_id"], odd["client_secret"])),
]


def discovered(auth, redirect_uri=None):
    return OAuth2Client.from_discovery_endpoint(issuer=issuer, auth=auth, redirect_uri=redirect_uri)


with check("discovery compares the issuer"):
    with refused(Exception, "issuer"):
        OAuth2Client.from_discovery_endpoint(f"{issuer}/.well-known/openid-configuration", issuer="https://elsewhere.example.test", auth="notes")

for kind, of, auth in kinds:
    with check(f"{kind}: discovery"):
        client = discovered(auth, of["redirect_uri"])
        equal(client.authorization_response_iss_parameter_supported, True)

    def asked(wishes=None, **more):
        request = client.authorization_request(**{"scope": scope, "resource": resource, "authorization_response_iss_parameter_supported": True, **more})
        return request, send(request.uri, **(wishes or {}))

    def opened():
        request, answer = asked()
        return client.authorization_code(request.validate_callback(answer), resource=resource)

    with check(f"{kind}: code and tokens"):
        tokens = opened()
        equal((tokens.token_type, tokens.scope, tokens.refresh_token[:4]), ("Bearer", scope, "prt_"))
    with check(f"{kind}: a session calls the API, and refreshes an old token"):
        tokens = opened()
        equal(requests.get(resource, auth=tokens).status_code, 204)
        equal(requests.get(other, auth=tokens).status_code, 401)
        api = OAuth2AccessTokenAuth(client, BearerToken(tokens.access_token, expires_in=-1, refresh_token=tokens.refresh_token))
        equal(requests.get(resource, auth=api).status_code, 204)
        equal(api.token.refresh_token != tokens.refresh_token, True)
    with check(f"{kind}: refresh narrows, and no more"):
        tokens = opened()
        narrow = client.refresh_token(tokens, scope="read:orders")
        equal(narrow.scope, "read:orders")
        with refused(InvalidScope):
            client.refresh_token(narrow, scope="postern:admin")
        with refused(InvalidTarget):
            client.refresh_token(narrow, resource=other)
        client.refresh_token(narrow)
    with check(f"{kind}: a code serves once"):
        request, answer = asked()
        found = request.validate_callback(answer)
        client.authorization_code(found)
        with refused(InvalidGrant):
            client.authorization_code(found)
    with check(f"{kind}: the client compares state and iss"):
        request, answer = asked()
        with refused(MismatchingState):
            request.validate_callback(answer.replace("state=", "state=x"))
        with refused(MismatchingIssuer):
            request.validate_callback(answer.replace("iss=https", "iss=http"))
        with refused(MissingIssuer):
            request.validate_callback(answer.replace("iss=", "was="))
        request.validate_callback(answer)
    with check(f"{kind}: errors reach the client, with state and iss"):
        for error, wishes, more in [
            ("invalid_target", {}, {"resource": "https://elsewhere.example.test"}),
            ("invalid_scope", {}, {"scope": "postern:admin"}),
            ("access_denied", {"consent": "deny"}, {"prompt": "consent"}),
        ]:
            request, answer = asked(wishes, **more)
            with refused(AuthorizationResponseError, error):
                request.validate_callback(answer)
        request, answer = asked(prompt="none")
        with refused(LoginRequired):
            request.validate_callback(answer)
    if kind != "none":
        with check(f"{kind}: introspection"):
            tokens = opened()
            for token in (tokens.access_token, tokens.refresh_token):
                found = client.introspect_token(token)
                equal((found["active"], found["client_id"], found["aud"]), (True, of["client_id"], resource))
            equal(client.introspect_token("unknown"), {"active": False})
    with check(f"{kind}: revocation of either token ends the grant"):
        for which in ("access", "refresh"):
            tokens = opened()
            equal((client.revoke_access_token if which == "access" else client.revoke_refresh_token)(tokens), True)
            with refused(InvalidGrant):
                client.refresh_token(tokens)
            equal(requests.get(resource, auth=tokens).status_code, 401)
    with check(f"{kind}: other grant types are refused"):
        for call in (client.client_credentials, lambda: client.jwt_bearer(tokens.access_token), lambda: client.device_code("x"), lambda: client.token_exchange(subject_token="x", subject_token_type="access_token")):
            with refused(OAuth2Error, "unsupported_grant_type"):
                call()

with check("a wrong secret is invalid_client"):
    for wrong in (ClientSecretBasic(plain["client_id"], "wrong"), ClientSecretPost(odd["client_id"], "wrong"), PublicApp(odd["client_id"])):
        with refused(InvalidClient):
            discovered(wrong).refresh_token("prt_x")
finished()
