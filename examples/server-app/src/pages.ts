// The pages. `html` escapes every value.
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { Order } from "./orders.ts";

type Page = HtmlEscapedString | Promise<HtmlEscapedString>;

const GATE = raw(
  '<svg viewBox="0 0 32 32" aria-hidden="true" class="gate"><path d="M4 29V14a12 12 0 0 1 24 0v15" fill="none" stroke="currentColor" stroke-width="3"/><path d="M10 29V13m6 16V11m6 18V13M6 18h20M6 24h20" stroke="currentColor" stroke-width="2"/></svg>',
);

interface Layout {
  title: string;
  signedIn: boolean;
  /** The path of this page, for the navigation. */
  here: string;
  body: Page;
}

function layout({ title, signedIn, here, body }: Layout): Page {
  const link = (href: string, text: string) => html`<a href="${href}" ${here === href ? raw('aria-current="page"') : ""}>${text}</a>`;
  const navigation = signedIn
    ? html`<nav aria-label="Main">${link("/orders", "Orders")}${link("/account", "Account")}</nav>
        <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>`
    : html`<a class="button" href="/sign-in">Sign in</a>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} – Castle Works</title>
        <link rel="stylesheet" href="/style.css" />
        <link rel="icon" href="/icon.svg" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <div class="bar">
            <a class="brand" href="/">${GATE}<span>Castle Works</span></a>
            ${navigation}
          </div>
        </header>
        <main id="main">${body}</main>
        <footer><p>An example of <a href="https://hono.dev">Hono</a> behind Postern. Orders are kept in memory.</p></footer>
      </body>
    </html>`;
}

export function welcome(signedIn: boolean, notice?: string): Page {
  const body = html`
    ${notice === undefined ? "" : html`<p class="notice" role="status">${notice}</p>`}
    <section class="hero">
      <h1>Everything that keeps a castle shut</h1>
      <p>Portcullises, chains, and shutters, forged to order. Follow each piece from the forge to your gate.</p>
      <p><a class="button" href="${signedIn ? "/orders" : "/sign-in"}">${signedIn ? "Your orders" : "Sign in to your orders"}</a></p>
    </section>
    <ul class="cards">
      <li><h2>Rendered on the server</h2><p>No script runs on these pages. The browser keeps one cookie, which only the server can read.</p></li>
      <li><h2>Signed in by Postern</h2><p>The authorization code flow with PKCE. The app never sees a password.</p></li>
      <li><h2>An API behind the gate</h2><p>Postern checks every call, and says in a signed assertion who makes it.</p></li>
    </ul>`;
  return layout({ title: "Welcome", signedIn, here: "/", body });
}

const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const STATUS_CLASS: Record<Order["status"], string> = { "in the forge": "forge", "on its way": "moving", delivered: "done" };

function row(order: Order, canWrite: boolean): Page {
  const date = new Date(order.ordered);
  const cancel = canWrite && order.status === "in the forge" ? html`<form method="post" action="/orders/${order.id}/cancel"><button class="quiet" aria-label="Cancel order ${order.id}">Cancel</button></form>` : "";
  return html`<tr>
    <th scope="row">${order.item}<small>No. ${order.id}</small></th>
    <td data-label="Quantity">${order.quantity}</td>
    <td data-label="Ordered"><time datetime="${date.toISOString()}">${day.format(date)}</time></td>
    <td data-label="Status"><span class="status ${STATUS_CLASS[order.status]}">${order.status}</span></td>
    <td class="action">${cancel}</td>
  </tr>`;
}

export interface Entered {
  item: string;
  quantity: string;
  error: string;
}

export function orders(list: Order[], canWrite: boolean, entered?: Entered): Page {
  const error = entered === undefined ? "" : html`<p class="error" id="order-error" role="alert">${entered.error}</p>`;
  const described = entered === undefined ? "" : raw('aria-invalid="true" aria-describedby="order-error"');
  const form = html`
    <section aria-labelledby="new-order" class="panel">
      <h2 id="new-order">Order something</h2>
      ${error}
      <form method="post" action="/orders" class="order">
        <label>Item <input name="item" required maxlength="80" autocomplete="off" value="${entered?.item ?? ""}" ${described} /></label>
        <label>Quantity <input name="quantity" type="number" required min="1" max="99" value="${entered?.quantity ?? "1"}" /></label>
        <button>Order</button>
      </form>
    </section>`;
  const table = html`
    <table>
      <caption class="hidden">Your orders, the newest first</caption>
      <thead>
        <tr><th scope="col">Item</th><th scope="col">Quantity</th><th scope="col">Ordered</th><th scope="col">Status</th><td></td></tr>
      </thead>
      <tbody>${list.map((order) => row(order, canWrite))}</tbody>
    </table>`;
  const body = html`<h1>Your orders</h1>
    ${canWrite ? form : ""} ${list.length === 0 ? html`<p>There are no orders yet.</p>` : table}`;
  return layout({ title: entered === undefined ? "Your orders" : "Error: your orders", signedIn: true, here: "/orders", body });
}

export function account(scope: string, expires: number, applications: string): Page {
  const time = new Date(expires).toISOString();
  const body = html`<h1>Account</h1>
    <dl class="panel facts">
      <dt>This app may</dt>
      <dd>${scope.split(" ").map((each) => html`<code>${each}</code> `)}</dd>
      <dt>Access token</dt>
      <dd>in an encrypted cookie, until <time datetime="${time}">${time.slice(11, 16)} UTC</time>; then the server refreshes it</dd>
      <dt>Other applications</dt>
      <dd><a href="${applications}">See and end their access at Postern</a></dd>
    </dl>`;
  return layout({ title: "Account", signedIn: true, here: "/account", body });
}

export function failure(signedIn: boolean, title: string, text: string): Page {
  const body = html`<section class="hero"><h1>${title}</h1><p>${text}</p><p><a class="button" href="${signedIn ? "/orders" : "/"}">Try again</a></p></section>`;
  return layout({ title, signedIn, here: "", body });
}
