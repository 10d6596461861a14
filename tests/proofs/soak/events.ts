// The audit events that a running Postern has logged, by session.
import { setTimeout as delay } from "node:timers/promises";

export interface AuditEvent {
  event: string;
  session_id?: string;
  cause?: string;
  distance?: number;
  late?: boolean;
}

const PAUSE_MS = 5;
const DEADLINE_MS = 10_000;

export class Events {
  readonly #logs: readonly string[];
  readonly #bySession = new Map<string, AuditEvent[]>();
  readonly #asked = new Map<string, number>();
  #read = 0;

  constructor(logs: readonly string[]) {
    this.#logs = logs;
  }

  #catchUp(): void {
    for (; this.#read < this.#logs.length; this.#read += 1) {
      const line = this.#logs[this.#read] ?? "";
      if (line.startsWith("Account was asked: ")) {
        this.#asked.set(line, (this.#asked.get(line) ?? 0) + 1);
        continue;
      }
      const start = line.indexOf('{"at":');
      if (start < 0) continue;
      const event = JSON.parse(line.slice(start)) as AuditEvent;
      const of = event.session_id ?? "";
      const known = this.#bySession.get(of);
      if (known) known.push(event);
      else this.#bySession.set(of, [event]);
    }
  }

  /** Waits until the Account objects (watched, see `spy`) have answered a call of this kind about this session this often. */
  async asked(sessionId: string, kind: string, times: number): Promise<void> {
    const line = `Account was asked: ${kind} ${sessionId}`;
    for (const deadline = Date.now() + DEADLINE_MS; this.asks(line) < times; await delay(PAUSE_MS)) {
      if (Date.now() > deadline) throw new Error(`the Account object was not asked to ${kind} in ${DEADLINE_MS} ms`);
    }
  }

  /** How many calls the Account objects have answered whose log line begins so. */
  asks(prefix = "Account was asked: "): number {
    this.#catchUp();
    let sum = 0;
    for (const [line, times] of this.#asked) if (line.startsWith(prefix)) sum += times;
    return sum;
  }

  of(sessionId: string): readonly AuditEvent[] {
    this.#catchUp();
    return this.#bySession.get(sessionId) ?? [];
  }

  /** The first event of the session that fits. It was logged before its answer went out, but comes through a pipe. */
  async arrives(sessionId: string, fits: (event: AuditEvent) => boolean): Promise<AuditEvent | undefined> {
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; await delay(PAUSE_MS)) {
      const found = this.of(sessionId).find(fits);
      if (found) return found;
    }
    return undefined;
  }
}
