// The least that @openauthjs/openauth needs: its KV storage, a provider that believes whoever comes with client credentials,
// and everything by default but two times.
import { issuer } from "@openauthjs/openauth";
import { CloudflareStorage } from "@openauthjs/openauth/storage/cloudflare";
import { createSubjects } from "@openauthjs/openauth/subject";

const anything = { "~standard": { version: 1, vendor: "bench", validate: (value) => ({ value }) } };

let app;

export default {
  fetch(request, env, context) {
    app ??= issuer({
      subjects: createSubjects({ user: anything }),
      storage: CloudflareStorage({ namespace: env.KV }),
      // Access tokens of ten minutes, as Postern's. The reuse interval is 60 s by default, which is KV's shortest expiry:
      // on a machine where the clock runs on between two statements it becomes 59 at times, and KV refuses that.
      ttl: { access: 600, reuse: 61 },
      providers: {
        bench: { type: "bench", init() {}, client: async ({ clientID }) => ({ clientID }) },
      },
      success: (answer, { clientID }) => answer.subject("user", { id: clientID }),
    });
    return app.fetch(request, env, context);
  },
};
