// The environment and the life of whatever event is being served, for what belongs to no one request: objects have no
// `ctx` at the place where they tell of something.
import { env, waitUntil } from "cloudflare:workers";

export function environment() {
  return env;
}

/** Keeps the event alive until the work is done. */
export function afterwards(work) {
  waitUntil(work);
}
