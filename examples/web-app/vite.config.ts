import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { works } from "./api/orders.ts";

const PORT = Number(process.env["PORT"] ?? 5173);
const POSTERN_PORT = Number(process.env["POSTERN_PORT"] ?? 8787);

/** `npm run dev` starts Postern, too, with the API behind it. */
const postern: Plugin = {
  name: "postern",
  apply: "serve",
  async configureServer(server) {
    const { startPostern } = await import("@postern/testing");
    const running = await startPostern({ port: POSTERN_PORT, settings: "binding.toml", upstream: async (request) => (await works(request)) ?? new Response(null, { status: 404 }) });
    server.httpServer?.once("close", () => void running.dispose());
    server.config.logger.info("\n  Sign in as alice@example.com with the password: correct horse battery staple");
  },
};

// `changeOrigin: false`: Postern sees the page's own host, so its cookies are those of the page.
const target = { target: `http://localhost:${POSTERN_PORT}`, changeOrigin: false };

export default defineConfig({
  plugins: [react(), postern],
  // Linked packages must not bring a React of their own.
  resolve: { dedupe: ["react", "react-dom"] },
  // No small files in `data:` URLs, which the policy of the pages forbids.
  build: { assetsInlineLimit: 0 },
  server: { port: PORT, strictPort: true, proxy: { "/auth": target, "/works": target } },
});
