"""The MCP SDK for Python, registered before: from a bare 401 to a tool call, refresh, and a scope that is missing."""

import logging
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from checks import check, equal, finished, given, refused, send
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

logging.disable(logging.CRITICAL)
url, issuer = given["mcp"], given["issuer"]
native, secret = given["native"], given["nativeConfidential"]
# The client adds offline_access by itself, where the metadata has it.
scopes = ["offline_access", "read:orders", "write:orders"]


class Storage:
    """Keeps what the client learns."""

    def __init__(self, client):
        self.client, self.tokens = client, None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Application:
    """An application with this client, and a person in front of it."""

    def __init__(self, registered, redirect_uri):
        self.sent, self.wishes, self.answer = [], [], None
        self.storage = Storage(OAuthClientInformationFull(redirect_uris=[redirect_uri], **registered))
        self.redirect_uri = redirect_uri

    def provider(self):
        metadata = OAuthClientMetadata(client_name="The proof", redirect_uris=[self.redirect_uri])
        return OAuthClientProvider(url, metadata, self.storage, self.redirect, self.callback)

    async def redirect(self, to):
        self.sent.append(to)
        wishes = self.wishes.pop(0) if self.wishes else {}
        self.answer = await anyio.to_thread.run_sync(lambda: send(to, **wishes))

    async def callback(self):
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.answer).query).items()}
        return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))

    def asked(self):
        """The last authorization request, its scopes in order."""
        query = parse_qs(urlsplit(self.sent[-1]).query)
        return query | {"scope": sorted(query["scope"][0].split())}

    async def call(self, provider=None):
        async with httpx2.AsyncClient(auth=provider or self.provider(), timeout=30) as http:
            async with Client(streamable_http_client(url, http_client=http)) as client:
                result = await client.call_tool("test_simple_text", {})
                equal(result.content[0].type, "text")


async def story(kind, registered, redirect_uri):
    app = Application(registered, redirect_uri)
    with check(f"{kind}: from a bare 401 to a tool call"):
        await app.call()
        asked = app.asked()
        equal((asked["resource"], asked["scope"], asked["code_challenge_method"], len(app.sent)), ([url], scopes, ["S256"], 1))
        equal(sorted(app.storage.tokens.scope.split()), scopes)
    with check(f"{kind}: a restart goes on with the stored tokens"):
        await app.call()
        equal(len(app.sent), 1)
    with check(f"{kind}: an old token is refreshed, without the person"):
        # After a restart this client refreshes at an address that it guesses (before it reads the metadata), so not here.
        app.storage.tokens, provider = None, app.provider()
        await app.call(provider)
        before = app.storage.tokens.refresh_token
        provider.context.token_expiry_time = 1
        await app.call(provider)
        equal((len(app.sent), app.storage.tokens.refresh_token != before), (2, True))
    with check(f"{kind}: step-up: a scope that is missing sends the person again"):
        app.storage.tokens = None
        app.wishes = [{"untick": ["write:orders"]}]
        await app.call()
        equal((len(app.sent), app.asked()["scope"], sorted(app.storage.tokens.scope.split())), (4, scopes, scopes))
    with check(f"{kind}: the client compares iss"):
        app.storage.tokens, honest = None, app.callback

        async def forged():
            return (await honest()).model_copy(update={"iss": "https://evil.example.test"})

        app.callback = forged
        with refused(BaseException):
            await app.call()
        equal(app.storage.tokens, None)
        app.callback = honest
        await app.call()
    with check(f"{kind}: after a revocation the person is sent again"):
        known = {name: registered[name] for name in ("client_id", "client_secret") if name in registered}
        async with httpx2.AsyncClient() as http:
            answer = await http.post(f"{issuer}/oauth/revoke", data={**known, "token": app.storage.tokens.refresh_token})
        equal(answer.status_code, 200)
        times, provider = len(app.sent), app.provider()
        await provider._initialize()
        provider.context.token_expiry_time = 1
        await app.call(provider)
        equal(len(app.sent), times + 1)


async def main():
    await story("none", {"client_id": native["client_id"], "token_endpoint_auth_method": "none"}, "http://localhost:49152/callback")
    for kind in ("client_secret_basic", "client_secret_post"):
        registered = {"client_id": secret["client_id"], "client_secret": secret["client_secret"], "token_endpoint_auth_method": kind}
        await story(kind, registered, "http://127.0.0.1:49152/callback")


anyio.run(main)
finished()
