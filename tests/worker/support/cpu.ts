// What workerd costs, by the operating system's own accounting (Linux).
import { readdirSync, readFileSync } from "node:fs";

/** This process's own workerd. */
export function workerd(): string {
  const own = readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const [, name = "", rest = ""] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8")) ?? [];
      return name === "workerd" && Number(rest.split(" ")[1]) === process.pid;
    } catch {
      return false; // it ended meanwhile
    }
  });
  if (own.length !== 1) throw new Error(`${own.length} workerd processes`);
  return own[0] as string;
}

/** Microseconds of CPU so far, user and system: utime and stime, in hundredths of a second. */
export function cpu(pid: string): number {
  const fields = (/\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
