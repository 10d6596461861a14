import { sound } from "./sound.ts";
import { useFetch } from "@postern/react";
import { useActionState, useRef, useState } from "react";
import type { Order } from "../api/orders.ts";
import { useLoaded } from "./use-loaded.ts";
import { dayOf, wordsFor } from "./words.ts";

const STATUS_CLASS: Record<Order["status"], string> = { "in the forge": "forge", "on its way": "moving", delivered: "done" };

export function Orders() {
  const fetch = useFetch();
  const [load] = useState(() => async () => ((await (await sound(fetch("/works/orders"))).json()) as { orders: Order[] }).orders);
  const { value: orders, error, reload } = useLoaded(load);
  const [said, say] = useState("");

  const cancel = async ({ id, item }: Order) => {
    try {
      await sound(fetch(`/works/orders/${encodeURIComponent(id)}`, { method: "DELETE" }));
      say(`Order ${id}, ${item}, is cancelled.`);
    } catch (failed) {
      say(wordsFor(failed));
    }
    await reload();
  };

  return (
    <section aria-labelledby="orders">
      <h1 id="orders">Your orders</h1>
      <NewOrder
        ordered={async (order) => {
          say(`Order ${order.id}, ${order.item}, is in the forge.`);
          await reload();
        }}
      />
      <p role="status" className="said">
        {said}
      </p>
      {error !== "" && (
        <p role="alert" className="error">
          {error}{" "}
          <button className="quiet" onClick={() => void reload()}>
            Try again
          </button>
        </p>
      )}
      {orders === undefined ? (
        error === "" && <Waiting />
      ) : orders.length === 0 ? (
        <p>There are no orders yet.</p>
      ) : (
        <ul className="orders">
          {orders.map((order) => (
            <li className="card" key={order.id}>
              <div>
                <h2>{order.item}</h2>
                <p>
                  No. {order.id} · {order.quantity} {order.quantity === 1 ? "piece" : "pieces"} · <time dateTime={new Date(order.ordered).toISOString()}>{dayOf(order.ordered)}</time>
                </p>
              </div>
              <span className={`status ${STATUS_CLASS[order.status]}`}>{order.status}</span>
              {order.status === "in the forge" && (
                <button className="quiet" onClick={() => void cancel(order)} aria-label={`Cancel order ${order.id}`}>
                  Cancel
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function NewOrder({ ordered }: { ordered: (order: Order) => Promise<void> }) {
  const fetch = useFetch();
  const item = useRef<HTMLInputElement>(null);
  const [error, submit, pending] = useActionState(async (_: string, form: FormData) => {
    const body = JSON.stringify({ item: form.get("item"), quantity: Number(form.get("quantity")) });
    try {
      const answer = await sound(fetch("/works/orders", { method: "POST", headers: { "content-type": "application/json" }, body }));
      await ordered((await answer.json()) as Order);
      item.current?.focus();
      return "";
    } catch (failed) {
      return wordsFor(failed);
    }
  }, "");
  return (
    <form action={submit} className="card new-order" aria-label="New order">
      <label>
        Item
        <input name="item" ref={item} required maxLength={80} autoComplete="off" aria-describedby="order-error" />
      </label>
      <label>
        Quantity
        <input name="quantity" type="number" required min={1} max={99} defaultValue={1} />
      </label>
      <button disabled={pending}>Order</button>
      <p role="alert" className="error" id="order-error">
        {error}
      </p>
    </form>
  );
}

/** The place of the orders while they come, so that nothing jumps. */
function Waiting() {
  return (
    <div className="orders" aria-hidden="true">
      {[0, 1, 2].map((each) => (
        <div className="card waiting" key={each} />
      ))}
    </div>
  );
}
