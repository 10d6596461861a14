// A script of mixed requests, and what each of them must add to the counters: the truth, from the clients' side.
import type { Postern } from "../../worker/harness.ts";
import { bearer, post, refresh, signIn, type Tokens } from "../../worker/support/client.ts";
import { ALICE, PASSWORD } from "../../worker/support/config.ts";
import { bitFlipped } from "../../worker/support/jwt.ts";

type Device = Tokens & { refresh_token: string };

/** Numbers from 0 up to a limit, the same for the same seed. */
export function dice(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    // Park and Miller's generator: enough to mix requests.
    state = (state * 48_271 + 11) % 2_147_483_647;
    return state % limit;
  };
}

export class Script {
  /** What the counters must have grown by, by series. */
  readonly truth = new Map<string, number>();
  requests = 0;
  readonly #devices: Device[] = [];
  readonly #roll: (limit: number) => number;

  constructor(seed: number) {
    this.#roll = dice(seed);
  }

  #expect(series: string): void {
    this.truth.set(series, (this.truth.get(series) ?? 0) + 1);
  }

  async #answer(what: Promise<Response>, status: number): Promise<string> {
    this.requests += 1;
    const response = await what;
    const text = await response.text();
    if (response.status !== status) throw new Error(`${status} was due, and ${response.status} came: ${text}`);
    return text;
  }

  #sign(result: string): void {
    this.#expect(`postern_sign_ins_total{result="${result}"}`);
    const event = result === "success" ? 'event="signed_in",outcome="success"' : 'event="sign_in_refused",outcome="refused"';
    this.#expect(`postern_events_total{${event}}`);
  }

  #decided(decision: string, event: string): void {
    this.#expect(`postern_refreshes_total{decision="${decision}"}`);
    this.#expect(`postern_events_total{${event}}`);
  }

  #gate(route: string, outcome: string): void {
    this.#expect(`postern_gate_requests_total{route="${route}",outcome="${outcome}"}`);
  }

  #accessRefused(code: string): void {
    this.#expect(`postern_access_refused_total{code="${code}"}`);
    this.#expect('postern_events_total{event="access_refused",outcome="refused"}');
  }

  #upstream(route: string, cause: string): void {
    this.#expect(`postern_upstream_failures_total{route="${route}",cause="${cause}"}`);
    this.#expect('postern_faults_total{part="upstream"}');
    this.#expect('postern_events_total{event="fault",outcome="fault"}');
  }

  async signIn(postern: Postern): Promise<Device> {
    const device = await signIn(postern);
    this.requests += 1;
    this.#sign("success");
    return device;
  }

  /** One request of the mix. */
  async step(postern: Postern): Promise<void> {
    const kind = this.#roll(14);
    if (this.#devices.length < 3) this.#devices.push(await this.signIn(postern));
    const index = this.#roll(this.#devices.length);
    const device = this.#devices[index];
    if (!device) throw new Error("there are devices");
    switch (kind) {
      case 0:
        await this.#answer(post(postern, "/auth/login", { login: ALICE, password: "wrong horse" }), 401);
        this.#sign("wrong_password");
        return;
      case 1:
        await this.#answer(post(postern, "/auth/login", { login: `nobody-${this.#roll(9)}@example.com`, password: PASSWORD }), 401);
        this.#sign("unknown_login");
        return;
      case 2:
      case 3: {
        const next = JSON.parse(await this.#answer(refresh(postern, device.refresh_token), 200)) as Device;
        this.#decided("rotate", 'event="refreshed",outcome="success"');
        // Within the reuse interval the same answer comes again.
        await this.#answer(refresh(postern, device.refresh_token), 200);
        this.#decided("retry", 'event="retried",outcome="success"');
        this.#devices[index] = next;
        return;
      }
      case 4: {
        const next = JSON.parse(await this.#answer(refresh(postern, device.refresh_token), 200)) as Device;
        this.#decided("rotate", 'event="refreshed",outcome="success"');
        await this.#answer(refresh(postern, next.refresh_token), 200);
        this.#decided("rotate", 'event="refreshed",outcome="success"');
        await this.#answer(refresh(postern, device.refresh_token), 401);
        this.#decided("reuse", 'event="reuse_detected",outcome="alert"');
        this.#expect("postern_reuse_detected_total");
        this.#devices.splice(index, 1);
        return;
      }
      case 5:
        await this.#answer(refresh(postern, "prt_this-is-none"), 401);
        this.#decided("refresh_token_malformed", 'event="refresh_refused",outcome="refused"');
        return;
      case 6:
        await this.#answer(postern.fetch("/echo"), 401);
        this.#gate("echo", "unauthenticated");
        return;
      case 7:
        await this.#answer(postern.fetch("/echo", { headers: bearer(bitFlipped(device.access_token)) }), 401);
        this.#gate("echo", "unauthenticated");
        this.#accessRefused("bad_signature");
        return;
      case 8:
        await this.#answer(postern.fetch(`/no-such-route/${this.#roll(9)}`), 404);
        this.#gate("", "no_route");
        return;
      case 9:
        await this.#answer(postern.fetch("/for-others", { headers: bearer(device.access_token) }), 403);
        this.#gate("for-others", "forbidden");
        this.#accessRefused("missing_scope");
        return;
      case 10:
        await this.#answer(postern.fetch("/down"), 502);
        this.#gate("down", "forwarded");
        this.#upstream("down", "unreachable");
        return;
      case 11:
        await this.#answer(postern.fetch("/hang"), 504);
        this.#gate("mute", "forwarded");
        this.#upstream("mute", "timeout");
        return;
      default:
        await this.#answer(postern.fetch("/echo", { headers: bearer(device.access_token) }), 200);
        this.#gate("echo", "forwarded");
    }
  }
}
