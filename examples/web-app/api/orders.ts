// The API behind the gate. It reads who calls from a header that only the gate can set: nothing else may reach it.
export interface Order {
  id: string;
  item: string;
  quantity: number;
  status: "in the forge" | "on its way" | "delivered";
  /** Milliseconds since 1970. */
  ordered: number;
}

const DAY_MS = 86_400_000;
/** By user, in memory, as this is an example. */
const byOwner = new Map<string, Order[]>();

function ordersOf(owner: string): Order[] {
  let orders = byOwner.get(owner);
  if (orders === undefined) {
    const now = Date.now();
    orders = [
      { id: "1003", item: "Portcullis, oak and iron", quantity: 1, status: "in the forge", ordered: now - 2 * DAY_MS },
      { id: "1002", item: "Drawbridge chain, 12 m", quantity: 2, status: "on its way", ordered: now - 9 * DAY_MS },
      { id: "1001", item: "Arrow slit shutters", quantity: 14, status: "delivered", ordered: now - 30 * DAY_MS },
    ];
    byOwner.set(owner, orders);
  }
  return orders;
}

const problem = (status: number, title: string): Response => Response.json({ title, status }, { status, headers: { "content-type": "application/problem+json" } });
// The browser's cache does not know whose answer it keeps.
const answer = (body: unknown, status = 200): Response => Response.json(body, { status, headers: { "cache-control": "no-store" } });

async function add(orders: Order[], request: Request): Promise<Response> {
  const { item, quantity } = (await request.json().catch(() => ({}))) as { item?: unknown; quantity?: unknown };
  if (typeof item !== "string" || item.trim() === "" || item.length > 80) return problem(422, "An item has 1 to 80 characters");
  if (!Number.isInteger(quantity) || Number(quantity) < 1 || Number(quantity) > 99) return problem(422, "A quantity is a whole number from 1 to 99");
  const id = String(Math.max(1000, ...orders.map((order) => Number(order.id))) + 1);
  const order: Order = { id, item: item.trim(), quantity: Number(quantity), status: "in the forge", ordered: Date.now() };
  orders.unshift(order);
  return answer(order, 201);
}

/** Answers requests below /works; undefined for others. */
export async function works(request: Request): Promise<Response | undefined> {
  const [, path = ""] = /^\/works\/(.*)$/.exec(new URL(request.url).pathname) ?? [];
  if (path === "") return undefined;
  const [issuer, subject] = [request.headers.get("x-auth-issuer"), request.headers.get("x-auth-subject")];
  if (issuer === null || subject === null) return problem(401, "The gate has not been passed");
  // Both: two issuers may give one subject to two people.
  const orders = ordersOf(`${issuer} ${subject}`);
  const [name, id] = path.split("/");
  if (name !== "orders") return problem(404, "There is no such thing");
  if (request.method === "GET" && id === undefined) return answer({ orders });
  if (request.method === "POST" && id === undefined) return add(orders, request);
  if (request.method === "DELETE" && id !== undefined) {
    const at = orders.findIndex((order) => order.id === id && order.status === "in the forge");
    if (at < 0) return problem(404, "There is no such order in the forge");
    orders.splice(at, 1);
    return new Response(null, { status: 204 });
  }
  return problem(405, "There is no such call");
}
