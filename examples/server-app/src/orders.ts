// In memory, as this is an example.
export interface Order {
  id: string;
  item: string;
  quantity: number;
  status: "in the forge" | "on its way" | "delivered";
  /** Milliseconds since 1970. */
  ordered: number;
}

const DAY_MS = 86_400_000;

export class Orders {
  readonly #byOwner = new Map<string, Order[]>();

  of(owner: string): Order[] {
    let orders = this.#byOwner.get(owner);
    if (orders === undefined) {
      const now = Date.now();
      orders = [
        { id: "1003", item: "Portcullis, oak and iron", quantity: 1, status: "in the forge", ordered: now - 2 * DAY_MS },
        { id: "1002", item: "Drawbridge chain, 12 m", quantity: 2, status: "on its way", ordered: now - 9 * DAY_MS },
        { id: "1001", item: "Arrow slit shutters", quantity: 14, status: "delivered", ordered: now - 30 * DAY_MS },
      ];
      this.#byOwner.set(owner, orders);
    }
    return orders;
  }

  add(owner: string, item: string, quantity: number): Order {
    const orders = this.of(owner);
    const order: Order = { id: String(Math.max(1000, ...orders.map(({ id }) => Number(id))) + 1), item, quantity, status: "in the forge", ordered: Date.now() };
    orders.unshift(order);
    return order;
  }

  /** Whether there was one that could be cancelled. */
  cancel(owner: string, id: string): boolean {
    const orders = this.of(owner);
    const at = orders.findIndex((order) => order.id === id && order.status === "in the forge");
    if (at < 0) return false;
    orders.splice(at, 1);
    return true;
  }
}
