// The page around the session: what it shows to a user who is signed in, and to one who is not.
import { Refused, Session, SessionChanged } from "./client.js";

// Postern's origin, when the page comes from elsewhere.
const session = new Session({ url: document.documentElement.dataset.postern || undefined });
/** The session that the page shows: undefined when there is none, null before that is known. */
let shown = null;
const element = (id) => document.getElementById(id);
const say = (text) => (element("message").textContent = text);

/** Runs what a button asks for, and says what went wrong. */
async function act(action) {
  say("");
  try {
    await action();
  } catch (error) {
    if (error instanceof Refused) say(`${error.message} (${error.code ?? error.status})`);
    // What was begun for the former user is not shown to the next one.
    else if (error instanceof SessionChanged) say(error.message);
    else say("Postern could not be reached. Try again.");
  }
}

const item = (text) => {
  const line = document.createElement("li");
  // As text, never as HTML: names of devices and orders are other people's words.
  line.textContent = text;
  return line;
};

async function showOrders() {
  const answer = await session.fetch("/api/orders");
  if (!answer.ok) return say(`No orders: ${answer.status}`);
  const { orders } = await answer.json();
  element("orders").replaceChildren(...orders.map((order) => item(order.item)));
}

async function showSessions() {
  const sessions = await session.sessions();
  element("sessions").replaceChildren(
    ...sessions.map((one) => {
      const line = item(`${one.device_name ?? one.user_agent}, since ${new Date(one.created_at * 1000).toLocaleString()} `);
      if (one.current) line.append("(this one)");
      else {
        const button = document.createElement("button");
        button.textContent = "End";
        button.onclick = () => act(async () => {
          await session.endSession(one.session_id);
          await showSessions();
        });
        line.append(button);
      }
      return line;
    }),
  );
}

/** Shows what fits, and nothing of who was here before. */
async function show() {
  const { status, sessionId } = session.state;
  // The network came and went.
  if (status === "unknown" || shown === sessionId) return;
  shown = sessionId;
  const signedIn = status === "signed-in";
  element("orders").replaceChildren();
  element("sessions").replaceChildren();
  element("sign-in").hidden = signedIn;
  element("signed-in").hidden = !signedIn;
  if (signedIn) await Promise.all([showOrders(), showSessions()]);
}

session.subscribe(() => act(show));

element("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const { login, password } = event.target.elements;
  act(async () => {
    await session.signIn({ login: login.value, password: password.value, deviceName: "The example app" });
    event.target.reset();
  });
});
element("reload-orders").onclick = () => act(showOrders);
element("sign-out").onclick = () => act(() => session.signOut());
element("sign-out-everywhere").onclick = () => act(() => session.signOutEverywhere());

act(() => session.start());
