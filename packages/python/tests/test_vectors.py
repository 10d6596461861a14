"""The file of cases that every verifier must judge alike: tests/vectors/origin.json."""

import asyncio
import json
import os
import unittest
from pathlib import Path

from postern_origin import AccessTokenVerifier, AssertionVerifier, Fetched, KeySet, OriginError

VECTORS = json.loads((Path(__file__).parents[3] / "tests/vectors/origin.json").read_text())


def clock():
    return VECTORS["now"]


def verifier_of(case):
    document = VECTORS["key_sets"][case["key_set"]].encode()
    keys = KeySet("https://auth.example.com/keys", fetch=lambda _: Fetched(document), clock=clock)
    kind = AssertionVerifier if case["kind"] == "assertion" else AccessTokenVerifier
    bound = "request" in case
    return kind(VECTORS["issuer"], VECTORS["audiences"][case["kind"]], keys=keys, bound=bound, clock=clock)


def request_of(case):
    return (case["request"]["method"], case["request"]["target"]) if "request" in case else None


def plain(caller):
    return {
        "subject": caller.subject,
        "issuer": caller.issuer,
        "client": caller.client,
        "session": caller.session,
        "tenant": caller.tenant,
        "scopes": sorted(caller.scopes),
        "roles": sorted(caller.roles),
    }


class Vectors(unittest.TestCase):
    def test_each_verdict_is_that_of_the_file(self):
        verdicts = {}
        for case in VECTORS["cases"]:
            with self.subTest(case["name"]):
                verifier = verifier_of(case)
                try:
                    caller = verifier.verify(case["values"], request_of(case))
                    found = "valid"
                    self.assertEqual(plain(caller), case.get("caller"))
                    self.assertEqual(asyncio.run(verifier.verify_async(case["values"], request_of(case))), caller)
                except OriginError as error:
                    found = error.reason
                    with self.assertRaises(OriginError) as also:
                        asyncio.run(verifier.verify_async(case["values"], request_of(case)))
                    self.assertEqual(also.exception.reason, found)
                verdicts[case["name"]] = found
                self.assertEqual(found == "valid", case["verdict"] == "valid", found)
                self.assertEqual(found, case.get("reason", found))
        if "ORIGIN_VERDICTS" in os.environ:
            Path(os.environ["ORIGIN_VERDICTS"], "python.json").write_text(json.dumps(verdicts))
        self.assertGreater(len(verdicts), 300)


if __name__ == "__main__":
    unittest.main()
