// Prometheus itself, with the rules of examples/prometheus and the scrape_configs of docs/guides/monitoring.md, in real time.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../worker/support/port.ts";

const rules = fileURLToPath(new URL("../../../examples/prometheus/postern.rules.yml", import.meta.url));
const programs = process.env["PROMETHEUS_ROOT"];

export function program(name: "prometheus" | "promtool"): string {
  if (programs === undefined) throw new Error("PROMETHEUS_ROOT is not set: make proof NAME=runbooks");
  return join(programs, "usr/bin", name);
}

/** The seconds between two scrapes, and between two evaluations of the rules: the guide's and Prometheus's own. */
export const SCRAPE_SECONDS = Number(process.env["SCRAPE"] ?? 60);

/** The guide's own scrape_configs, for this deployment. */
function configuration(target: string, tokenFile: string): string {
  const guide = readFileSync(new URL("../../../docs/guides/monitoring.md", import.meta.url), "utf8");
  const [, yaml] = /```yaml\n(scrape_configs:[\s\S]*?)```/.exec(guide) ?? [];
  if (yaml === undefined) throw new Error("docs/guides/monitoring.md has no scrape_configs");
  let text = yaml;
  for (const [name, value] of [
    ["scheme: https", "scheme: http"],
    ["scrape_interval: 60s", `scrape_interval: ${SCRAPE_SECONDS}s`],
    ["/etc/prometheus/postern-metrics-token", tokenFile],
    ["auth.example.com", target],
  ] as const) {
    if (!text.includes(name)) throw new Error(`docs/guides/monitoring.md: scrape_configs lacks ${name}`);
    text = text.replace(name, value);
  }
  return `global: { evaluation_interval: ${SCRAPE_SECONDS}s }\nrule_files: ["${rules}"]\n${text}`;
}

interface Alert {
  labels: Record<string, string>;
  state: "pending" | "firing";
}

export class Prometheus {
  readonly #url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.#url = url;
    this.#process = child;
  }

  /**
   * `quiet` is a scrape of the deployment: Prometheus begins with an hour of it, in which nothing happened. Otherwise rules that look
   * back 15 minutes would see a deployment that is younger.
   */
  static async start(folder: string, target: string, token: string, quiet: string): Promise<Prometheus> {
    mkdirSync(folder, { recursive: true });
    const [tokenFile, config, past, data] = ["token", "prometheus.yml", "past.om", "data"].map((name) => join(folder, name)) as [string, string, string, string];
    writeFileSync(tokenFile, token, { mode: 0o600 });
    writeFileSync(config, configuration(target, tokenFile));
    writeFileSync(past, anHour(quiet, target));
    execFileSync(program("promtool"), ["tsdb", "create-blocks-from", "openmetrics", past, data], { stdio: "pipe" });
    const port = await freePort();
    const child = spawn(
      program("prometheus"),
      [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`, "--log.level=warn"],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    child.stderr?.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-4000)));
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, child);
    for (let tries = 0; ; tries += 1) {
      if (child.exitCode !== null || tries > 300) throw new Error(`Prometheus did not start: ${said}`);
      const ready = await fetch(`${prometheus.#url}/-/ready`).catch(() => undefined);
      await ready?.text();
      if (ready?.status === 200) return prometheus;
      await delay(200);
    }
  }

  async query(expression: string): Promise<number | undefined> {
    const answer = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
    const value = data.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  }

  async firing(): Promise<Record<string, string>[]> {
    const answer = await fetch(`${this.#url}/api/v1/alerts`);
    const { data } = (await answer.json()) as { data: { alerts: Alert[] } };
    return data.alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }
}

/** The same values each minute of the last hour, with the labels that Prometheus gives. */
function anHour(scrape: string, target: string): string {
  const now = Math.floor(Date.now() / 1000);
  const lines: string[] = [];
  for (const line of scrape.split("\n")) {
    if (line.startsWith("# EOF") || line === "") continue;
    if (line.startsWith("#")) {
      lines.push(line);
      continue;
    }
    const [, name = "", , labels = "", value = ""] = /^([^{ ]+)(\{(.*)\})? (\S+)/.exec(line) ?? [];
    const all = [...(labels === "" ? [] : [labels]), `instance="${target}"`, 'job="postern"'].join(",");
    for (let ago = 3600; ago >= 60; ago -= 60) lines.push(`${name}{${all}} ${value} ${now - ago}`);
  }
  return `${lines.join("\n")}\n# EOF\n`;
}
