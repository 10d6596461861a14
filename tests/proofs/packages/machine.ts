// A machine with Node and npm and nothing else: no Rust, no C compiler, no git.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A run that ended. */
export interface Ended {
  status: number | null;
  output: string;
}

/** Where things are, and how to run them. */
export class Machine {
  readonly root: string;
  readonly #environment: Record<string, string>;
  readonly #started: ChildProcess[] = [];

  constructor(root: string) {
    this.root = root;
    const bin = join(root, "bin");
    const home = join(root, "home");
    for (const folder of [bin, home]) mkdirSync(folder);
    symlinkSync(realpathSync(process.execPath), join(bin, "node"));
    // npm's own programs, whichever npm this machine has, run by that Node.
    const npm = dirname(realpathSync(spawnSync("which", ["npm"], { encoding: "utf8" }).stdout.trim()));
    for (const name of ["npm", "npx"]) {
      writeFileSync(join(bin, name), `#!/bin/sh\nexec "${join(bin, "node")}" "${join(npm, `${name}-cli.js`)}" "$@"\n`);
      chmodSync(join(bin, name), 0o755);
    }
    symlinkSync("/bin/sh", join(bin, "sh"));
    const passed = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
    this.#environment = {
      PATH: bin,
      HOME: home,
      npm_config_cache: join(root, "cache"),
      npm_config_userconfig: spawnSync("npm", ["config", "get", "userconfig"], { encoding: "utf8" }).stdout.trim(),
      npm_config_update_notifier: "false",
      WRANGLER_SEND_METRICS: "false",
      ...Object.fromEntries(passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    };
    for (const name of ["cargo", "rustc", "cc", "gcc", "git", "python3", "make"]) {
      if (this.run(root, ["sh", "-c", `command -v ${name}`]).status === 0) throw new Error(`${name} is on PATH`);
    }
  }

  /** The words of a command, with more variables. */
  run(cwd: string, words: string[], more: Record<string, string> = {}, input = ""): Ended {
    const [command = "", ...rest] = words;
    const { status, stdout, stderr, error } = spawnSync(join(this.root, "bin", command), rest, { cwd, input, encoding: "utf8", timeout: 300_000, env: { ...this.#environment, ...more } });
    return { status, output: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}` };
  }

  /** A command that goes on, in a group of its own as one that a terminal started. */
  start(cwd: string, words: string[], more: Record<string, string> = {}): Running {
    const [command = "", ...rest] = words;
    const child = spawn(join(this.root, "bin", command), rest, { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"], env: { ...this.#environment, ...more } });
    this.#started.push(child);
    return new Running(child);
  }

  /** Ends what still runs after a check that failed. */
  end(): void {
    for (const { pid, exitCode, signalCode } of this.#started) if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
  }
}

/** A command that goes on. */
export class Running {
  output = "";
  readonly child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #hears: (() => void)[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (part: Buffer) => {
        this.output += part.toString();
        for (const heard of this.#hears.splice(0)) heard();
      });
    }
    this.#ended = new Promise((done) => child.once("close", (code) => (done(code), this.#hears.splice(0).forEach((heard) => heard()))));
  }

  /** Waits until it printed this. */
  async printed(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`it ended with ${this.child.exitCode} and without ${JSON.stringify(text)}:\n${this.output}`);
      await new Promise<void>((heard) => this.#hears.push(heard));
    }
  }

  /** Ctrl-C, which reaches the whole group; the exit code. */
  async interrupt(): Promise<number | null> {
    if (this.child.pid !== undefined && this.child.exitCode === null) process.kill(-this.child.pid, "SIGINT");
    return this.#ended;
  }
}
