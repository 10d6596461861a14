// What stands in front of the built Worker in a test, and nowhere else: two modules beside it. The Worker itself is the one
// that is deployed.

/** Imported before the Worker, so that it finds this clock and this way to sign. */
export const PLATFORM = `
const RealDate = Date;
export const clock = { offset: 0 };
// Everything in this isolate reads the time here: the Worker and its objects.
globalThis.Date = class Date extends RealDate {
  constructor(...given) { given.length === 0 ? super(RealDate.now() + clock.offset) : super(...given); }
  static now() { return RealDate.now() + clock.offset; }
};

export const signer = {};
const sign = crypto.subtle.sign.bind(crypto.subtle);
const text = new TextDecoder();
crypto.subtle.sign = (algorithm, key, data) => {
  if (key.type === "private") {
    const view = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
    const [header] = text.decode(view.slice(0, 512)).split(".");
    if (header.startsWith("eyJ")) {
      // Written anew each time, as keys rotate.
      const { alg, kid } = JSON.parse(atob(header.replaceAll("-", "+").replaceAll("_", "/")));
      Object.assign(signer, { algorithm, key, alg, kid });
    }
  }
  return sign(algorithm, key, data);
};
export const signed = async (input) => new Uint8Array(await sign(signer.algorithm, signer.key, new TextEncoder().encode(input)));
`;

/** The entry. Calls of the kit carry its secret; everything else is the Worker's. */
export const ENTRY = `
import { clock, signed, signer } from "./postern-testing-platform.js";
import worker from "./index.js";
export * from "./index.js";
const commands = {
  // Behind everything that was logged before.
  mark: ({ mark }) => { console.log(mark); return {}; },
  clock: ({ offset }) => { clock.offset = offset; return {}; },
  signer: () => ({ alg: signer.alg, kid: signer.kid }),
  sign: async ({ input }) => ({ signature: btoa(String.fromCharCode(...(await signed(input)))) }),
};
export default {
  ...worker,
  fetch(request, env, context) {
    if (request.headers.get("x-postern-testing") !== env.TESTING_SECRET) return worker.fetch(request, env, context);
    return request.json().then(async ({ command, ...given }) => Response.json(await commands[command](given)));
  },
};
`;

/**
 * Where the Worker's fetches by URL go. Hosts that the test plays are answered by this process, this machine's own servers
 * are reached, and the internet is only where the test permits it.
 */
export const NETWORK = `
const local = /^(localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1\\]|.*\\.localhost)$/;
export default {
  fetch(request, env) {
    const { origin, hostname } = new URL(request.url);
    const player = env.PLAYED[origin];
    if (player !== undefined) return env[player].fetch(request);
    if (local.test(hostname) || env.NETWORK) return fetch(request);
    console.error("@postern/testing: a request to " + origin + " was stopped; play it with \`hosts\`, or permit the internet with \`network: true\`");
    return new Response(null, { status: 599 });
  },
};
`;
