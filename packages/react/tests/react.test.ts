// In the document of happy-dom, with the requests counted; tests/browser/client.test.ts hydrates in Chromium.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Window } from "happy-dom";
import type * as React from "react";
import type * as Client from "../../client/src/index.ts";
import { FakePostern, ORIGIN, PASSWORD } from "../../client/tests/support.ts";
import type * as Ours from "../src/index.ts";

let postern: FakePostern;
let react: typeof React;
let ours: typeof Ours;
let client: typeof Client;
let session: Client.Session;
/** The status of each rendering, and what React could not match. */
let renders: string[] = [];
let unmount = (): void => {};
const alice = { login: "alice@example.com", password: PASSWORD };

beforeEach(async () => {
  const window = new Window({ url: `${ORIGIN}/app/` });
  for (const name of ["document", "location", "HTMLElement", "HTMLIFrameElement", "Node"] as const) vi.stubGlobal(name, window[name]);
  vi.stubGlobal("window", window);
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  // One page: without locks and messages.
  vi.stubGlobal("navigator", { userAgent: "a test" });
  vi.stubGlobal("BroadcastChannel", undefined);
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.resetModules();
  postern = new FakePostern();
  react = await import("react");
  ours = await import("../src/index.ts");
  client = await import("../../client/src/index.ts");
  session = new client.Session({ url: ORIGIN, fetch: postern.fetch });
  renders = [];
});
afterEach(async () => {
  await react.act(async () => unmount());
  session.dispose();
  vi.unstubAllGlobals();
});

function Status(): React.ReactNode {
  const { status } = ours.useSession();
  renders.push(status);
  return react.createElement("p", null, status);
}
/** A page as an app has it. */
function page(initial?: Ours.Initial, ...more: React.ReactNode[]): React.ReactElement {
  const h = react.createElement;
  return h(ours.PosternProvider, { session, initial }, h(Status), h(ours.SignedIn, null, h("b", null, "in")), h(ours.SignedOut, null, h("i", null, "out")), ...more);
}
/** Renders in the browser; with `html`, over what the server sent. */
async function show(app: React.ReactElement, html?: string): Promise<HTMLElement> {
  const { createRoot, hydrateRoot } = await import("react-dom/client");
  const place = document.body.appendChild(document.createElement("div"));
  await react.act(async () => {
    place.innerHTML = html ?? "";
    const root = html === undefined ? createRoot(place) : hydrateRoot(place, app, { onRecoverableError: (error) => renders.push(`mismatch: ${error}`) });
    if (html === undefined) root.render(app);
    unmount = () => root.unmount();
  });
  return place;
}
const onServer = async (app: React.ReactElement): Promise<string> => (await import("react-dom/server")).renderToString(app);
/** Until no request is on its way. */
const settle = (): Promise<void> => react.act(async () => {
  for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
});

describe("rendering", () => {
  test("neither children while the session is unknown", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    postern.fate = () => new Promise(() => {});
    expect((await show(page())).innerHTML).toBe("<p>unknown</p>");
  });

  test("the provider finds out, and each change is shown once", async () => {
    const place = await show(page());
    await settle();
    expect(place.innerHTML).toBe("<p>signed-out</p><i>out</i>");
    await react.act(() => session.signIn(alice));
    expect(place.innerHTML).toBe("<p>signed-in</p><b>in</b>");
    await react.act(() => session.signOut());
    expect(place.innerHTML).toBe("<p>signed-out</p><i>out</i>");
    expect(renders).toEqual(["unknown", "signed-out", "signed-in", "signed-out"]);
  });

  test("a sign-in that fails renders nothing anew", async () => {
    await show(page());
    await settle();
    const before = renders.length;
    await session.signIn({ ...alice, password: "wrong" }).catch(() => {});
    await settle();
    expect(renders).toHaveLength(before);
  });

  test("without a provider there is a clear error", async () => {
    await expect(onServer(react.createElement(Status))).rejects.toThrow("<PosternProvider>");
  });
});

describe("requests", () => {
  // better-auth, openchat 481: a hook that asks again after each answer
  test("twenty components ask once", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    const many = Array.from({ length: 20 }, (_, key) => react.createElement(Status, { key }));
    await show(page(undefined, ...many));
    await settle();
    await settle();
    expect(postern.calls.map(({ path }) => path)).toEqual(["/auth/csrf", "/auth/refresh"]);
  });

  // better-auth 10740: each mount asks
  test("components that come and go ask no more", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    for (let round = 0; round < 8; round += 1) {
      await show(page());
      await settle();
      await react.act(async () => unmount());
    }
    expect(postern.calls).toHaveLength(2);
  });

  test("nor do they when the user is signed out", async () => {
    for (let round = 0; round < 3; round += 1) {
      await show(page());
      await settle();
      await react.act(async () => unmount());
    }
    expect(postern.calls).toHaveLength(1);
  });

  test("strict mode asks once", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    await show(react.createElement(react.StrictMode, null, page()));
    await settle();
    expect(postern.calls).toHaveLength(2);
  });

  test("an effect on useFetch runs once", async () => {
    await session.signIn(alice);
    postern.calls.length = 0;
    function Orders(): React.ReactNode {
      const load = ours.useFetch();
      const [orders, set] = react.useState("");
      react.useEffect(() => void load("/orders").then(async (answer) => set((await answer.json()).user)), [load]);
      return react.createElement("u", null, orders);
    }
    const place = await show(page(undefined, react.createElement(Orders)));
    await settle();
    expect(place.querySelector("u")?.textContent).toBe("alice@example.com");
    expect(postern.calls.map(({ path }) => path)).toEqual(["/orders"]);
  });
});

describe("on a server", () => {
  // better-auth 960, 2462: the hook asks on the server, and the page differs
  test("the page is rendered without a request", async () => {
    expect(await onServer(page())).toBe("<p>unknown</p>");
    expect(await onServer(page({ status: "signed-in" }))).toBe("<p>signed-in</p><b>in</b>");
    expect(postern.calls).toEqual([]);
  });

  // better-auth 4625: null on the first rendering
  test("hydration shows what the server rendered, without a flicker", async () => {
    const initial = { status: "signed-in" } as const;
    const html = await onServer(page(initial));
    postern.cookie = postern.signIn("alice@example.com");
    renders = [];
    const place = await show(page(initial), html);
    expect(place.innerHTML).toBe(html);
    await settle();
    expect(place.innerHTML).toBe(html);
    expect(new Set(renders)).toEqual(new Set(["signed-in"]));
    expect(postern.calls).toHaveLength(2);
  });

  // better-auth 10972: the store is read while hydrating
  test("a session that is known before hydration is no mismatch", async () => {
    const html = await onServer(page());
    await session.signIn(alice);
    renders = [];
    const place = await show(page(), html);
    expect(place.innerHTML).toBe("<p>signed-in</p><b>in</b>");
    expect(renders.filter((one) => one.startsWith("mismatch"))).toEqual([]);
  });

  test("without network the page stays as the server rendered it", async () => {
    postern.fate = () => new TypeError("Failed to fetch");
    const initial = { status: "signed-in" } as const;
    const html = await onServer(page(initial));
    const place = await show(page(initial), html);
    await settle();
    expect(session.state).toMatchObject({ status: "unknown", offline: true });
    expect(place.innerHTML).toBe(html);
  });

  test("a session that ended meanwhile is corrected", async () => {
    const initial = { status: "signed-in" } as const;
    const place = await show(page(initial), await onServer(page(initial)));
    await settle();
    expect(place.innerHTML).toBe("<p>signed-out</p><i>out</i>");
  });
});
