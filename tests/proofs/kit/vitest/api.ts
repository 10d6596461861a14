import { Hono } from "hono";

const api = new Hono();
api.get("/orders", (c) => c.json({ of: c.req.header("x-auth-subject") }));
export default api;
