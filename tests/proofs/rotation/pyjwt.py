"""Verifies access tokens as a Python service would: one token a line in, "ok" or what was wrong out."""

import json
import sys

import jwt

question = json.loads(sys.argv[1])
# `lifespan` is PyJWKClient's cache, in seconds: what the key set's max-age allows.
keys = jwt.PyJWKClient(question["jwks"], cache_jwk_set=True, lifespan=question["max_age"])

for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token)
        jwt.decode(
            token,
            key.key,
            algorithms=["ES256", "EdDSA", "RS256"],
            audience=question["audience"],
            issuer=question["issuer"],
            options={"require": ["exp", "iat", "sub"]},
        )
        print("ok", flush=True)
    except Exception as error:  # every refusal counts, whatever its kind
        print(f"{type(error).__name__}: {error}", flush=True)
