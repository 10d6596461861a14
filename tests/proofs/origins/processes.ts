// Programs that listen on a port of this machine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

/** What is running: the address, and how to end it. */
export interface Running {
  url: string;
  close(): unknown;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const up = await once(socket, "connect").then(() => true, () => false);
  socket.destroy();
  return up;
}

/** Starts a program, and waits until the port takes connections. */
export async function started(port: number, program: string, args: string[], env: Record<string, string> = {}, cwd?: string): Promise<Running> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PYTHONWARNINGS: "ignore", ...env }, ...(cwd === undefined ? {} : { cwd }) });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  const deadline = Date.now() + 30_000;
  while (!(await listens(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill();
      throw new Error(`${program} does not listen on ${port}:\n${said}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      if (child.exitCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}
