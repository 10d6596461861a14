import type { ListedSession } from "@postern/client";
import { useClient } from "@postern/react";
import { useState } from "react";
import { useLoaded } from "./use-loaded.ts";
import { momentOf, wordsFor } from "./words.ts";

/** A few words for a browser's long ones. */
function browserOf(userAgent: string): string {
  const name = /Edg|Firefox|Chrome|Safari/.exec(userAgent)?.[0] ?? "Unknown browser";
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(userAgent)?.[0];
  return `${name === "Edg" ? "Edge" : name}${system === undefined ? "" : ` on ${system}`}`;
}

export function Devices() {
  const session = useClient();
  const [load] = useState(() => () => session.sessions());
  const { value: sessions, error, reload } = useLoaded(load);
  const [failure, fail] = useState("");
  const end = (act: Promise<void>) => act.then(reload, (failed: unknown) => fail(wordsFor(failed)));
  return (
    <aside className="card" aria-labelledby="devices">
      <h2 id="devices">Where you are signed in</h2>
      <p role="alert" className="error">
        {error || failure}
      </p>
      <ul className="devices">
        {sessions?.map((each: ListedSession) => (
          <li key={each.session_id}>
            <div>
              <strong>{each.device_name ?? browserOf(each.user_agent ?? "")}</strong>
              <small>{each.current ? "this device" : `last used ${momentOf(each.seen_at)}`}</small>
            </div>
            {!each.current && (
              <button className="quiet" onClick={() => void end(session.endSession(each.session_id))} aria-label={`Sign out ${each.device_name ?? browserOf(each.user_agent ?? "")}, last used ${momentOf(each.seen_at)}`}>
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
      {sessions !== undefined && sessions.length > 1 && (
        <button className="quiet" onClick={() => void end(session.endOtherSessions())}>
          Sign out all other devices
        </button>
      )}
    </aside>
  );
}
