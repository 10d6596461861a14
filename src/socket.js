// An open WebSocket that a rule may close: both of its ends are held here, and messages go from one to the other as the very
// values that the platform gives. When to close is decided in WASM; `look` asks. No end is held by WASM: an object in its
// table that holds a function that holds the object would never be freed.

/** What `look` is called with. */
const FIRST = 0;
const NOW = 1;
const ENDED = 2;
const OVERRUN = 3;

/** How long an end may take to answer a close frame. Browsers wait about as long. */
const ANSWER_MS = 5_000;

/**
 * Bytes that wait in the isolate for an end that does not read, before its socket is closed: a second of a fast line. The
 * platform tells neither end to slow down.
 */
const MAX_WAITING = 8 * 1024 * 1024;

/** The same for all sockets of the isolate together, which has 128 MB; one that holds less than `FAIR` is never the culprit. */
const MAX_WAITING_TOGETHER = 32 * 1024 * 1024;
const FAIR = 1024 * 1024;

/** How often an end that does not read is looked at while nothing is sent to it, and how long what was seen counts. */
const MEASURE_MS = 1_000;
const COUNTS_MS = 3 * MEASURE_MS;

/** What waits for each end that does not keep up, by the ends' own objects, the one that was seen last at the end. */
const waiting = new Map();

/** No code came with the close frame, and none may be sent for it (RFC 6455 section 7.4.1). */
const NO_STATUS = 1005;
/** There was no close frame: the connection broke. Ours alone, for no end may be told it. */
const ABNORMAL = 1006;
const PROTOCOL_ERROR = 1002;
/** What a client is told when the upstream broke off: "Bad Gateway" in IANA's registry. */
const BAD_GATEWAY = 1014;
/** What an upstream is told when the client broke off. */
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;

/** Codes that may stand in a close frame: those that are registered, and the two ranges for libraries and applications. */
const mayBeSent = (code) => (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);

function close(end, code, reason) {
  end.told = true;
  try {
    // A frame without a code is answered by one without.
    if (code === NO_STATUS) end.socket.close();
    else end.socket.close(code, reason);
  } catch {
    // It is closed.
  }
}

/** Notes what waits for an end; whether that is too much to let more come. */
function tooMuchFor(end) {
  const bytes = end.socket.bufferedAmount;
  waiting.delete(end);
  if (bytes === 0) return false;
  const now = Date.now();
  waiting.set(end, { bytes, at: now });
  for (const [other, seen] of waiting) {
    if (now - seen.at <= COUNTS_MS) break;
    // Its request is over, and with it whatever waited.
    waiting.delete(other);
  }
  if (bytes > MAX_WAITING) return true;
  if (bytes < FAIR) return false;
  let together = 0;
  for (const { bytes } of waiting.values()) together += bytes;
  return together > MAX_WAITING_TOGETHER;
}

/**
 * The answer that hands the client its end of a socket; the other one, and the upstream's, are kept here. `abort` ends the
 * connection to an upstream that does not answer a close frame: nothing else does, and the platform reads on.
 */
export function watched(response, look, abort) {
  const pair = new WebSocketPair();
  const client = { socket: pair[1], broke: GOING_AWAY, heard: false, told: false, code: NO_STATUS, reason: "" };
  const upstream = { socket: response.webSocket, broke: BAD_GATEWAY, heard: false, told: false, code: NO_STATUS, reason: "" };
  /** No message passes any more. */
  let cut = false;
  let over = false;
  let lookTimer;
  let answerTimer;
  let measureTimer;

  function finish() {
    if (over) return;
    over = cut = true;
    for (const timer of [lookTimer, answerTimer, measureTimer]) clearTimeout(timer);
    for (const end of [client, upstream]) {
      waiting.delete(end);
      if (!end.told) close(end, end.code, end.reason);
    }
    // It was told long ago: `finish` comes before its answer only when the time for that is over.
    if (!upstream.heard) abort();
    try {
      look(ENDED);
    } catch {
      // The instance of WASM that it belonged to is gone, and with it what it held.
    }
  }

  /** Both ends, by us: the rule says so, or an end does not read. */
  function cutOff(code, reason) {
    if (cut) return;
    cut = true;
    for (const end of [client, upstream]) close(end, code, reason);
    clearTimeout(answerTimer);
    answerTimer = setTimeout(finish, ANSWER_MS);
  }

  function held(verdict) {
    if (cut) return;
    if (typeof verdict === "number") {
      lookTimer = setTimeout(lookNow, verdict);
    } else {
      const space = verdict.indexOf(" ");
      cutOff(Number(verdict.slice(0, space)), verdict.slice(space + 1));
    }
  }

  async function lookNow() {
    try {
      held(await look(NOW));
    } catch {
      // WASM was restarted, so this socket is not watched any more.
      cutOff(TRY_AGAIN_LATER, "not watched any more");
    }
  }

  /** Whether one more message may be sent to an end. A single one may be of any size that the platform takes. */
  function mayTakeMore(end) {
    if (!tooMuchFor(end)) return true;
    look(OVERRUN);
    cutOff(TRY_AGAIN_LATER, "messages are not read");
    return false;
  }

  /** What waits for an end that nothing is sent to meanwhile counts for as long as it waits. */
  function measureLater() {
    measureTimer ??= setTimeout(() => {
      measureTimer = undefined;
      if (over) return;
      tooMuchFor(client);
      tooMuchFor(upstream);
      if (waiting.has(client) || waiting.has(upstream)) measureLater();
    }, MEASURE_MS);
  }

  function listen(from, to) {
    from.socket.addEventListener("message", ({ data }) => {
      if (cut || to.told || !mayTakeMore(to)) return;
      try {
        to.socket.send(data);
        if (to.socket.bufferedAmount > 0) measureLater();
      } catch {
        // An end that is closing takes no more; its close event follows.
      }
    });
    /** `code` as it came; what is passed on is `passed`. */
    const ended = (code, reason, passed) => {
      if (from.heard) return;
      Object.assign(from, { heard: true, code, reason });
      if (cut) {
        if (to.heard) finish();
      } else if (to.heard) {
        // The answer to the other's own close frame, which is answered only now: all that was said before has arrived.
        Object.assign(to, code === ABNORMAL ? {} : { code: passed, reason });
        finish();
      } else {
        close(to, passed, reason);
        answerTimer = setTimeout(finish, ANSWER_MS);
      }
    };
    const brokeOff = () => {
      // Without a close frame there is nothing to answer.
      from.told = true;
      ended(ABNORMAL, "", from.broke);
    };
    from.socket.addEventListener("close", ({ code, reason, wasClean }) => {
      if (!wasClean) return brokeOff();
      if (code === NO_STATUS || mayBeSent(code)) return ended(code, reason, code);
      // A code that must not be sent (RFC 6455 section 7.4): this end breaks the protocol.
      ended(PROTOCOL_ERROR, "", from.broke);
      if (!from.told) close(from, PROTOCOL_ERROR, "");
    });
    from.socket.addEventListener("error", brokeOff);
  }

  for (const { socket } of [client, upstream]) {
    // Half open: a close frame is answered when it was passed on, not before.
    socket.accept({ allowHalfOpen: true });
    // A `Blob`, the default, can't be sent on without waiting for it.
    socket.binaryType = "arraybuffer";
  }
  listen(client, upstream);
  listen(upstream, client);
  held(look(FIRST));
  // The subprotocol that the upstream chose is in its headers.
  return new Response(null, { status: 101, headers: response.headers, webSocket: pair[0] });
}
