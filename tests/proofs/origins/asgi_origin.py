"""An ASGI origin that verified callers alone reach, with uvicorn."""

import os

import uvicorn
from postern_origin import AssertionVerifier, RequireCaller


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    caller = scope.get("state", {}).get("caller")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": (caller.key if caller else "ok").encode()})


verifier = AssertionVerifier(os.environ["ISSUER"], os.environ["AUDIENCE"], keys=os.environ["KEYS"], bound="BOUND" in os.environ)
guarded = RequireCaller(app, verifier, health=["/healthz"])
uvicorn.run(guarded, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", lifespan="off")
