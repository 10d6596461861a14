"""How a client's program in Python reports, and sends a person to an authorization request: as checks.ts and client.ts."""

import json
import os
import urllib.request

given = json.loads(os.environ["SCENE"])


def send(url, **wishes):
    """Sends a person there. Returns the address at the client that their browser comes back to."""
    body = json.dumps({"url": str(url), **wishes}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(given["person"], body, method="POST")) as answer:
            return json.load(answer)["url"]
    except urllib.error.HTTPError as error:
        raise AssertionError(json.load(error)["error"]) from None


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def report(name, error=None):
    line = f"ok {name}" if error is None else f"FAIL {name}: {type(error).__name__} {error}"
    print(line.replace("\n", " "), flush=True)


class check:
    """One check: `with check("name"): ...`. A failure is reported, and the program goes on."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and not isinstance(error, Exception):
            return False
        report(self.name, error)
        return True


class refused:
    """What is within must fail so: `with refused(SomeError, "invalid_grant"): ...`."""

    def __init__(self, kind, text=""):
        self.kind, self.text = kind, text

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None:
            raise AssertionError(f"was not refused with {self.text or self.kind.__name__}")
        if not isinstance(error, self.kind) or self.text not in f"{getattr(error, 'error', '')} {error}":
            raise AssertionError(f"was refused otherwise: {type(error).__name__} {error}") from error
        return True


def finished():
    """Without this line the program broke off."""
    print("finished", flush=True)
