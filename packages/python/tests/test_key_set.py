"""Settings, and the life of the key set."""

import json
import threading
import unittest

from postern_origin import AccessTokenVerifier, AssertionVerifier, Fetched, KeySet, OriginError, Verifier
from test_vectors import VECTORS

ISSUER = VECTORS["issuer"]
AUDIENCE = VECTORS["audiences"]["assertion"]
USUAL = VECTORS["key_sets"]["usual"]


def value_of(name):
    return next(case["values"][0] for case in VECTORS["cases"] if case["name"] == name)


GOOD = value_of("assertion: as Postern writes it")
UNKNOWN = value_of("assertion: kid is unknown")


class Scene:
    """A verifier on a clock of its own, and what is asked of Postern."""

    def __init__(self, cache_control="", age=""):
        self.now = VECTORS["now"]
        self.fetched = 0
        self.document = USUAL
        self.headers = (cache_control, age)
        self.keys = KeySet(f"{ISSUER}/keys", fetch=self.fetch, clock=lambda: self.now)
        # The key set's clock alone moves: the assertion stays valid.
        self.verifier = AssertionVerifier(ISSUER, AUDIENCE, keys=self.keys, clock=lambda: VECTORS["now"])

    def fetch(self, _):
        self.fetched += 1
        if self.document is None:
            raise OSError("no answer")
        return Fetched(self.document.encode(), *self.headers)

    def verdict(self, value=GOOD):
        try:
            self.verifier.verify([value])
            return "valid"
        except OriginError as error:
            return error.reason


class Settings(unittest.TestCase):
    def test_issuer_and_audience_are_required(self):
        for kind in (AssertionVerifier, AccessTokenVerifier):
            for bad in [("", AUDIENCE), (None, AUDIENCE), (ISSUER, ""), (ISSUER, None), (ISSUER, []), (ISSUER, [""]), (ISSUER, [1])]:
                with self.subTest(bad), self.assertRaises(ValueError):
                    kind(*bad)
            with self.assertRaises(TypeError):
                kind(ISSUER)
        with self.assertRaises(TypeError):
            Verifier(ISSUER, AUDIENCE)

    def test_keys_come_over_tls_or_from_this_machine(self):
        for url in ["http://auth.example.com/keys", "ftp://localhost/keys", "file:///etc/keys", "keys", "http://localhost.example.com/"]:
            with self.subTest(url), self.assertRaises(ValueError):
                KeySet(url)
        for url in ["https://auth.example.com/keys", "http://localhost:8787/keys", "http://127.0.0.1/keys", "http://[::1]:1/keys"]:
            self.assertEqual(KeySet(url).url, url)
        with self.assertRaises(ValueError):
            AssertionVerifier("http://auth.example.com", AUDIENCE)


class Life(unittest.TestCase):
    def test_one_fetch_serves_until_max_age_has_passed(self):
        scene = Scene("public, max-age=600", "100")
        self.assertEqual([scene.verdict(), scene.verdict()], ["valid", "valid"])
        scene.now += 499
        self.assertEqual((scene.verdict(), scene.fetched), ("valid", 1))
        scene.now += 1
        self.assertEqual((scene.verdict(), scene.fetched), ("valid", 2))

    def test_a_max_age_of_a_year_counts_as_an_hour(self):
        scene = Scene("max-age=31536000")
        self.assertEqual(scene.verdict(), "valid")
        scene.document = VECTORS["key_sets"]["withdrawn"]
        scene.now += 3600
        self.assertEqual(scene.verdict(), "unknown_key")

    def test_made_up_names_of_keys_cost_one_fetch_in_30_s(self):
        scene = Scene()
        self.assertEqual({scene.verdict(UNKNOWN) for _ in range(50)}, {"unknown_key"})
        scene.now += 29
        self.assertEqual((scene.verdict(UNKNOWN), scene.fetched), ("unknown_key", 1))
        scene.now += 1
        self.assertEqual((scene.verdict(UNKNOWN), scene.fetched), ("unknown_key", 2))

    def test_an_old_set_serves_for_a_day_without_a_newer_one(self):
        scene = Scene()
        self.assertEqual(scene.verdict(), "valid")
        scene.document = None
        scene.now += 86_399
        self.assertEqual([scene.verdict(), scene.verdict()], ["valid", "valid"])
        self.assertEqual(scene.fetched, 2)
        scene.now += 1
        self.assertEqual(scene.verdict(), "keys_unavailable")

    def test_without_keys_it_is_503_and_one_attempt_a_second(self):
        scene = Scene()
        documents = [None, "<html>", '{"keys":[]}', '{"keys":[],"keys":[]}', '{"keys":[{"kty":"oct","k":"AA"}]}', "x" * 600_000]
        for document in documents:
            scene.document = document
            self.assertEqual([scene.verdict(), scene.verdict()], ["keys_unavailable"] * 2)
            scene.now += 1
        self.assertEqual(scene.fetched, len(documents))

    def test_many_threads_make_one_fetch(self):
        scene = Scene()
        verdicts = []
        threads = [threading.Thread(target=lambda: verdicts.append(scene.verdict())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((verdicts, scene.fetched), (["valid"] * 20, 1))

    def test_a_clock_that_is_put_back_makes_a_set_due(self):
        scene = Scene()
        self.assertEqual(scene.verdict(), "valid")
        scene.now -= 100_000
        self.assertEqual((scene.verdict(), scene.fetched), ("valid", 2))


class Answers(unittest.TestCase):
    def test_the_answer_says_one_word_the_error_says_why(self):
        verifier = AccessTokenVerifier(ISSUER, AUDIENCE, keys=Scene().keys)
        for lines, status, code, challenge in [
            ([], 401, "credentials_required", "Bearer"),
            (["Bearer a b"], 400, "invalid_request", 'Bearer error="invalid_request"'),
            (["Bearer a.b.c"], 401, "invalid_token", 'Bearer error="invalid_token"'),
        ]:
            with self.assertRaises(OriginError) as caught:
                verifier.verify(lines)
            error = caught.exception
            self.assertEqual((error.status, error.headers["WWW-Authenticate"]), (status, challenge))
            self.assertEqual(json.loads(error.body)["code"], code)


if __name__ == "__main__":
    unittest.main()
