import { Hono } from "hono";
import { jwk } from "hono/jwk";

const app = new Hono();
app.use("*", (context, next) => jwk({ keys: context.env.KEYS, alg: ["ES256", "EdDSA", "RS256"] })(context, next));
app.all("*", (context) => context.text("ok"));

export default app;
