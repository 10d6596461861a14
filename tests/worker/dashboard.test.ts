// The dashboard on workerd: one path for each group of its pages, over the real database and objects. The tests of its
// refusals are native (crates/app/tests/service/dashboard.rs), how it looks in Chromium (tests/browser/dashboard.test.ts).
import { beforeAll, describe, expect, test } from "vitest";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { shared } from "./support/postern.ts";
import { Visitor } from "./support/visitor.ts";

const postern = shared(() => ({ vars: settings({ POSTERN_ADMIN: { dashboard: true }, POSTERN_OAUTH: { stored_clients: true } }) }));
let visitor: Visitor;

/** The addresses of the page that begin so. */
const links = (start: string) => [...visitor.page.matchAll(/href="([^"]+)"/g)].map(([, href = ""]) => href.replaceAll("&amp;", "&")).filter((href) => href.startsWith(start));

async function open(path: string): Promise<string> {
  const answer = await visitor.fetch(path);
  expect(answer.status, path).toBe(200);
  return visitor.page;
}

/** Follows a change to the page behind it. */
async function make(path: string): Promise<string> {
  await open(path);
  const answer = await visitor.post(path.split("?")[0] ?? path, {});
  return answer.status === 303 ? open(answer.headers.get("location") ?? "") : visitor.page;
}

beforeAll(async () => {
  visitor = new Visitor(postern);
  const first = await visitor.fetch("/admin/ui");
  expect(first.headers.get("location")).toBe("/auth/sign-in?to=/admin/ui");
  const back = await visitor.fill(first.headers.get("location") ?? "", { login: ADMIN, password: PASSWORD });
  expect(back.headers.get("location")).toBe("/admin/ui");
});

test("every area is there, with the policy of a page", async () => {
  const home = await visitor.fetch("/admin/ui");
  await open(home.headers.get("location") ?? "");
  const areas = links("/admin/ui/");
  expect(areas.length).toBeGreaterThanOrEqual(8);
  for (const area of areas) {
    const answer = await visitor.fetch(area);
    expect(answer.status, area).toBe(200);
    expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'.*; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await visitor.fetch(area, { method: "DELETE" })).headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  }
});

describe("changes", () => {
  test("a user is found in the database, disabled, and enabled", async () => {
    await open("/admin/ui/users?contains=LICE%40ex");
    const [user = ""] = links("/admin/ui/users/");
    expect(await open(user)).toContain(ALICE);
    const sub = user.split("/").at(-1) ?? "";
    expect(await make(`/admin/ui/confirm/user_disable?sub=${sub}`)).toContain("The user is disabled.");
    expect(await make(`/admin/ui/confirm/user_enable?sub=${sub}`)).toContain("The user is enabled.");
    expect(await open(`/admin/ui/users?contains=${sub.slice(4, 16)}`)).toContain(ALICE);
    expect(await open("/admin/ui/users?contains=%25")).toContain("No user matches.");
  });

  test("a lock is looked up and cleared", async () => {
    await postern().fetch("/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ login: ALICE, password: "wrong" }) });
    await open(`/admin/ui/limits?login=${ALICE}&ip=`);
    const [clear = ""] = links("/admin/ui/confirm/throttle_clear");
    expect(await make(clear)).toContain("The limits are cleared.");
  });

  test("a user is revoked, and the audit log has it", async () => {
    await open(`/admin/ui/users?contains=${ALICE}`);
    const sub = links("/admin/ui/users/")[0]?.split("/").at(-1) ?? "";
    expect(await make(`/admin/ui/confirm/revoke?kind=subject&sub=${sub}`)).toContain("It is revoked.");
    expect(await open("/admin/ui/revocations")).toContain(`subject ${sub}`);
    const log = await open("/admin/ui/audit?action=revoke");
    expect(log).toContain(`subject ${sub}`);
    expect(log).toContain("their chain is intact");
  });
});

test("the route that decides is named", async () => {
  const page = await open(`/admin/ui/routes?method=GET&url=${encodeURIComponent("http://localhost:8787/api/orders")}`);
  expect(page).toContain("This request without an access token");
  expect(page).toContain("refused");
});

test("keys and issuers are shown with their times", async () => {
  expect(await open("/admin/ui/keys")).toMatch(/<code>[\w-]{43}<\/code>.*active.*<time datetime="20/s);
  expect(await open("/admin/ui/issuers")).toContain("this deployment");
  expect(await open("/admin/ui/clients")).toContain("There is no client in the database.");
});
