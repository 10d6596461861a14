import { useCallback, useEffect, useState } from "react";
import { wordsFor } from "./words.ts";

/** What `load` brings, from the first render on and after each `reload`. `load` is the same function in each render. */
export function useLoaded<Value>(load: () => Promise<Value>): { value: Value | undefined; error: string; reload: () => Promise<void> } {
  const [value, setValue] = useState<Value>();
  const [error, setError] = useState("");
  const reload = useCallback(
    () =>
      load().then(
        (loaded) => {
          setValue(loaded);
          setError("");
        },
        (failed: unknown) => setError(wordsFor(failed)),
      ),
    [load],
  );
  useEffect(() => void reload(), [reload]);
  return { value, error, reload };
}
