// The app: pages, forms, and nothing that runs in the browser.
import { readFileSync } from "node:fs";
import { Hono, type Context } from "hono";
import { csrf } from "hono/csrf";
import { secureHeaders } from "hono/secure-headers";
import { Auth, SignedOut, Unavailable } from "./auth.ts";
import type { Order } from "./orders.ts";
import { account, failure, orders, welcome } from "./pages.ts";
import type { Session } from "./session.ts";
import type { Settings } from "./settings.ts";

const file = (name: string) => readFileSync(new URL(`../public/${name}`, import.meta.url), "utf8");

/** Pages of this app only: a `returnTo` from the address must not lead elsewhere. */
const ownPath = (path: string | undefined): string => (path !== undefined && /^\/(?![/\\])/.test(path) ? path : "/orders");

export function appFor(settings: Settings): Hono {
  const auth = new Auth(settings);
  const app = new Hono();
  const styles = file("style.css");
  const icon = file("icon.svg");

  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], styleSrc: ["'self'"], imgSrc: ["'self'"], formAction: ["'self'"], frameAncestors: ["'none'"], baseUri: ["'none'"] },
      referrerPolicy: "same-origin",
    }),
  );
  // Forms of other origins are refused; `SameSite=Lax` keeps their cookies away besides.
  app.use(csrf({ origin: settings.url }));
  app.get("/style.css", (c) => c.body(styles, 200, { "content-type": "text/css; charset=utf-8", "cache-control": "public, max-age=3600" }));
  app.get("/icon.svg", (c) => c.body(icon, 200, { "content-type": "image/svg+xml", "cache-control": "public, max-age=3600" }));
  // What is below is personal.
  app.use(async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });

  const signIn = (c: Context, returnTo: string) => auth.signInUrl(c, returnTo).then((url) => c.redirect(url.href, 303));
  /** The page for the signed-in user, or the way to the sign-in and back. */
  const forUser = (page: (c: Context, session: Session) => Promise<Response>) => async (c: Context) => {
    const session = await auth.session(c);
    return session === undefined ? signIn(c, c.req.method === "GET" ? c.req.path : "/orders") : page(c, session);
  };
  const mayWrite = ({ scope }: Session) => scope.split(" ").includes("write:orders");
  const listOf = async (session: Session) => ((await (await auth.call(session, "/api/orders")).json()) as { orders: Order[] }).orders;

  app.get("/", async (c) => c.html(await welcome((await auth.cookies.session(c)) !== undefined)));
  app.get("/sign-in", (c) => signIn(c, ownPath(c.req.query("to"))));
  app.get("/callback", async (c) => c.redirect(await auth.callback(c), 303));
  app.post("/sign-out", async (c) => {
    await auth.signOut(c);
    return c.html(await welcome(false, "You are signed out of this app."));
  });
  app.get("/orders", forUser(async (c, session) => c.html(await orders(await listOf(session), mayWrite(session)))));
  app.post("/orders", forUser(async (c, session) => {
    const { item = "", quantity = "" } = await c.req.parseBody<Record<string, string>>();
    const body = JSON.stringify({ item, quantity: Number(quantity) });
    const answer = await auth.call(session, "/api/orders", { method: "POST", headers: { "content-type": "application/json" }, body });
    // After a redirect, a reload does not order again.
    if (answer.ok) return c.redirect("/orders", 303);
    const { error = "You may not order" } = (await answer.json()) as { error?: string };
    return c.html(await orders(await listOf(session), mayWrite(session), { item, quantity, error }), 422);
  }));
  app.post("/orders/:id/cancel", forUser(async (c, session) => {
    await auth.call(session, `/api/orders/${encodeURIComponent(c.req.param("id") ?? "")}`, { method: "DELETE" });
    return c.redirect("/orders", 303);
  }));
  app.get("/account", forUser(async (c, { scope, expires }) => c.html(await account(scope, expires, new URL("/auth/applications", settings.issuer).href))));

  app.notFound(async (c) => c.html(await failure(false, "There is no such page", "The address may be mistyped."), 404));
  app.onError(async (error, c) => {
    if ("getResponse" in error) return (error as { getResponse(): Response }).getResponse();
    if (error instanceof SignedOut) {
      auth.cookies.endSession(c);
      return c.html(await failure(false, "Please sign in again", error.message), 401);
    }
    console.error(error);
    c.header("retry-after", "5");
    const isOurs = error instanceof Unavailable;
    return c.html(await failure(isOurs, isOurs ? error.message : "Something went wrong", "You are still signed in. Please try again in a moment."), 503);
  });
  return app;
}
