// A Worker as an origin behind a private hop. The entrypoint that the gate's binding names knows by its props that the gate
// calls; the default entrypoint, which the internet reaches, answers nothing.
import { WorkerEntrypoint } from "cloudflare:workers";

export class ForTheGate extends WorkerEntrypoint {
  fetch(request) {
    if (this.ctx.props.from !== "postern") return new Response(null, { status: 401 });
    return new Response(`${request.headers.get("x-auth-issuer")} ${request.headers.get("x-auth-subject")}`);
  }
}

export default {
  fetch() {
    return new Response(null, { status: 401 });
  },
};
