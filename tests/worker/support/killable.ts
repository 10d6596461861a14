// A workerd that can be killed as a power cut would. Miniflare does not say which process it is, so the process that it
// starts is noted when Node announces it.
import { AsyncLocalStorage } from "node:async_hooks";
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Miniflare } from "miniflare";
import { startWorkerd, type WorkerdOptions } from "./workerd.ts";

// Node announces every child process on this channel, synchronously; the store says which instance asked for it.
const starting = new AsyncLocalStorage<{ workerd?: ChildProcess }>();
subscribe("child_process", (message) => {
  const instance = starting.getStore();
  const { process: child } = message as { process: ChildProcess };
  if (instance) instance.workerd = child;
});

export interface Killable {
  readonly miniflare: Miniflare;
  /** The process of workerd. */
  readonly pid: number | undefined;
  /** Kills workerd with SIGKILL and waits until it is gone. */
  killHard(): Promise<void>;
  /** Stops it and removes what it kept in temporary folders. Can be called twice. */
  dispose(): Promise<void>;
}

/** Starts workerd, as `startWorkerd` does. */
export function startKillable(options: WorkerdOptions): Killable {
  const instance: { workerd?: ChildProcess } = {};
  const miniflare = starting.run(instance, () => startWorkerd(options));
  let disposed: Promise<void> | undefined;
  const dispose = () => (disposed ??= miniflare.dispose());
  return {
    miniflare,
    get pid() {
      return instance.workerd?.pid;
    },
    dispose,
    async killHard() {
      const workerd = instance.workerd;
      if (workerd?.pid === undefined) throw new Error("workerd was never started");
      if (workerd.exitCode === null && workerd.signalCode === null) {
        const gone = once(workerd, "exit");
        workerd.kill("SIGKILL");
        // At once: Miniflare starts a workerd anew that ended without being told to.
        void dispose();
        await gone;
      }
      // What is left is Miniflare's own: its sockets in this process, and temporary folders.
      await dispose();
    },
  };
}
