// The API behind the gate. It takes nothing but the gate's signed assertion: a request that found another way in is refused.
import { requireAssertion, type CallerEnv } from "@postern/origin/hono";
import { Hono } from "hono";
import { Orders } from "./orders.ts";

/** The audience of the assertion, which the route names. */
export const AUDIENCE = "https://orders.internal";

/** The routes that lead here: the gate checks the scope, so the API need not. */
export const ROUTES = [
  { name: "read-orders", path: "/api/orders", methods: ["GET"], scopes_all: ["read:orders"], assertion: AUDIENCE },
  { name: "write-orders", path: "/api/orders", methods: ["POST"], scopes_all: ["write:orders"], assertion: AUDIENCE },
  { name: "cancel-order", path: "/api/orders/{id}", methods: ["DELETE"], scopes_all: ["write:orders"], assertion: AUDIENCE },
];

export function apiFor(issuer: string): Hono<CallerEnv> {
  const orders = new Orders();
  const api = new Hono<CallerEnv>();
  api.use(requireAssertion({ issuer, audience: AUDIENCE }));
  // `key`, and not the subject alone: two issuers may give one subject to two people.
  api.get("/api/orders", (c) => c.json({ orders: orders.of(c.get("caller").key) }));
  api.post("/api/orders", async (c) => {
    const { item, quantity } = await c.req.json<{ item?: unknown; quantity?: unknown }>().catch(() => ({ item: undefined, quantity: undefined }));
    if (typeof item !== "string" || item.trim() === "" || item.length > 80) return c.json({ error: "An item has 1 to 80 characters" }, 422);
    if (!Number.isInteger(quantity) || Number(quantity) < 1 || Number(quantity) > 99) return c.json({ error: "A quantity is a whole number from 1 to 99" }, 422);
    return c.json(orders.add(c.get("caller").key, item.trim(), Number(quantity)), 201);
  });
  api.delete("/api/orders/:id", (c) => (orders.cancel(c.get("caller").key, c.req.param("id")) ? c.body(null, 204) : c.json({ error: "There is no such order" }, 404)));
  return api;
}
