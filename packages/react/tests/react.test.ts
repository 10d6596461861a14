// The hooks in a document of jsdom's kind that this file brings itself: React needs little of one, and the tests have no
// other use for jsdom. What a browser shows is in tests/browser/client.test.ts.
import { createElement as h } from "react";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
