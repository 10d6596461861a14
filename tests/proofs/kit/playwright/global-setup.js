import { startPostern } from "@postern/testing";

const page = `<!doctype html><title>Orders</title><p id="who"></p><script>
  fetch("/orders").then(async (answer) => { who.textContent = answer.ok ? await answer.text() : "status " + answer.status; });
</script>`;

export default async function setup() {
  const postern = await startPostern({
    routes: [
      { path: "/", access: "public" },
      { path: "/orders", scopes_all: ["read:orders"], token_sources: ["cookie"] },
    ],
    upstream: ({ url }) => (new URL(url).pathname === "/" ? new Response(page, { headers: { "content-type": "text/html" } }) : new Response("portcullis")),
    vars: { POSTERN_COOKIE: { access: true } },
  });
  process.env.POSTERN = JSON.stringify(postern.connection);
  return () => postern.dispose();
}
