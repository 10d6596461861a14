// The app alone, as it is deployed: `node server.ts`, with its settings in the environment.
import { serve } from "@hono/node-server";
import { appFor } from "./src/app.ts";
import { settingsFrom } from "./src/settings.ts";

serve({ fetch: appFor(settingsFrom(process.env)).fetch, port: Number(process.env["PORT"] ?? 3000) });
