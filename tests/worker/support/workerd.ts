// The one place that starts workerd: everything else says what runs in it. Miniflare 5 reads the configuration of the next
// wrangler; it brings a translator of the options of version 4, which say the same in a third of the lines.
import { convertV4MiniflareOptions, Miniflare, type LegacyWorkerOptions, type V4SharedOptions } from "miniflare";

/** The members that a type names, without those that it merely tolerates: what Miniflare does not know it drops in silence. */
type Named<T> = { [Key in keyof T as string extends Key ? never : Key]: T[Key] };

export type WorkerOptions = LegacyWorkerOptions;

export type WorkerdOptions = Omit<Named<V4SharedOptions>, "handleStructuredLogs" | "cf" | "host"> & {
  /** Takes what Workers and workerd print, line by line. Without it nothing is kept. */
  printed?: (line: string) => void;
  workers: WorkerOptions[];
};

/** Starts workerd on 127.0.0.1. The caller waits for `ready` and ends it with `dispose`. */
export function startWorkerd({ printed, ...options }: WorkerdOptions): Miniflare {
  return new Miniflare(
    convertV4MiniflareOptions({
      port: 0,
      ...options,
      host: "127.0.0.1",
      // No sample of `request.cf` from the network.
      cf: false,
      handleStructuredLogs({ message }) {
        if (printed === undefined) return;
        for (const line of message.split("\n")) printed(line);
      },
    }),
  );
}
