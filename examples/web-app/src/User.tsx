import { useClient } from "@postern/react";
import { useState } from "react";
import { useLoaded } from "./use-loaded.ts";
import { wordsFor } from "./words.ts";

export function User() {
  const session = useClient();
  const [load] = useState(() => () => session.me());
  const { value: me } = useLoaded(load);
  const [error, setError] = useState("");
  return (
    <div className="user">
      <span>{me?.name ?? me?.login}</span>
      <button className="quiet" onClick={() => session.signOut().catch((failed: unknown) => setError(wordsFor(failed)))}>
        Sign out
      </button>
      <span role="alert" className="error">
        {error}
      </span>
    </div>
  );
}
