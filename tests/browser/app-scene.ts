// An example app with its Postern, in processes of their own as `npm run dev` starts them, and looks at its pages.
import { AxeBuilder } from "@axe-core/playwright";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect } from "vitest";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { closedPort } from "../worker/support/origin.ts";
import { launch } from "./scene.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where pictures for the documentation go, if this run makes them: SCREENSHOTS=docs/images. */
const pictures = process.env["SCREENSHOTS"];

export interface AppScene {
  browser: Browser;
  /** Where the app is. */
  url: string;
  /** Where Postern is. */
  postern: string;
}

/** One for the whole file: `command` runs in the example's folder, with PORT and POSTERN_PORT in its environment. */
export function appScene(example: string, command: string[]): () => AppScene {
  let made: AppScene | undefined;
  let app: ChildProcess | undefined;
  beforeAll(async () => {
    const [port, posternPort] = [await closedPort(), await closedPort()];
    const [program = "", ...args] = command;
    // A group of its own: what the program starts ends with it.
    const started = spawn(program, args, { cwd: `${root}examples/${example}`, detached: true, env: { ...process.env, PORT: String(port), POSTERN_PORT: String(posternPort) }, stdio: ["ignore", "pipe", "pipe"] });
    app = started;
    let output = "";
    for (const stream of [started.stdout, started.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const url = `http://localhost:${port}`;
    const up = () => fetch(url).then(({ ok }) => ok, () => false);
    for (let tries = 0; tries < 200 && started.exitCode === null && !(await up()); tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await up(), output).toBe(true);
    made = { browser: await launch(), url, postern: `http://localhost:${posternPort}` };
  });
  afterAll(async () => {
    await made?.browser.close();
    if (app?.pid === undefined || app.exitCode !== null) return;
    const ended = once(app, "exit");
    process.kill(-app.pid, "SIGTERM");
    await ended;
  });
  return () => {
    if (!made) throw new Error("the app is there from beforeAll on");
    return made;
  };
}

/** The surroundings in which each page is looked at. */
export const SURROUNDINGS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: "light", viewport: { width: 1100, height: 760 } },
  dark: { colorScheme: "dark", viewport: { width: 1100, height: 760 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true },
};

/** That axe-core finds nothing wrong with the page, and that nothing is wider than the window. */
export async function expectSound(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), "wider than the window").toBe(0);
}

/** A picture for the documentation, if this run makes them. With a palette it has a third of Chromium's bytes. */
export async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(`${root}${pictures}`, { recursive: true });
  const picture = await page.screenshot({ animations: "disabled" });
  // Miniflare brings it along.
  const { default: sharp } = await import("sharp");
  await sharp(picture).png({ palette: true, effort: 10 }).toFile(`${root}${pictures}/${name}.png`);
}
