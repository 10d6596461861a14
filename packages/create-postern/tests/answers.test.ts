import { describe, expect, test } from "vitest";
import { answers } from "../src/answers.ts";
import { Failed } from "../src/failed.ts";

const silent = () => {};

/** Types these lines, one for each question. */
function typing(lines: string[]) {
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    const line = lines.shift();
    if (line === undefined) throw new Error(`no line left for ${question}`);
    return line;
  };
  return { asked, ask };
}

describe("answers", () => {
  test("without a terminal the defaults stand", async () => {
    expect(await answers({}, undefined, silent)).toEqual({ issuer: "https://auth.example.com", users: { kind: "own" }, upstream: { kind: "demo" } });
  });

  test("three questions are asked", async () => {
    const { ask, asked } = typing(["https://id.acme.example", "", "http://127.0.0.1:3000/"]);
    expect(await answers({}, ask, silent)).toEqual({ issuer: "https://id.acme.example", users: { kind: "own" }, upstream: { kind: "url", url: "http://127.0.0.1:3000" } });
    expect(asked).toHaveLength(3);
  });

  test("another issuer's audience is asked for", async () => {
    const { ask, asked } = typing(["", "https://id.example.com/realms/acme", "orders", ""]);
    expect((await answers({}, ask, silent)).users).toEqual({ kind: "issuer", issuer: "https://id.example.com/realms/acme", audience: "orders" });
    expect(asked).toHaveLength(4);
  });

  test("a wrong answer is explained and asked again", async () => {
    const said: string[] = [];
    const { ask, asked } = typing(["http://auth.example.com", "https://auth.example.com/", "https://auth.example.com", "", ""]);
    await answers({}, ask, (text) => said.push(text));
    expect(asked).toHaveLength(5);
    expect(said).toHaveLength(2);
  });

  test("what the command line says is not asked", async () => {
    const { ask, asked } = typing([""]);
    await answers({ issuer: "https://a.example", upstream: "demo" }, ask, silent);
    expect(asked).toHaveLength(1);
  });

  test.each([
    { issuer: "auth.example.com" },
    { issuer: "http://auth.example.com" },
    { issuer: "https://auth.example.com/" },
    { issuer: "https://auth.example.com/x" },
    { issuer: "https://Auth.example.com" },
    { issuer: "https://u:p@auth.example.com" },
    { users: "mine" },
    { users: "https://id.example.com" },
    { users: "http://id.example.com", audience: "a" },
    { users: "own", audience: "a" },
    { audience: "a" },
    { upstream: "ftp://origin.example.com" },
    { upstream: "origin" },
    { upstream: "https://origin.example.com/?x" },
  ])("refuses %o in one line before a question", async (given) => {
    const { ask, asked } = typing([]);
    const refused = await answers(given, ask, silent).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Failed);
    expect((refused as Failed).message).not.toContain("\n");
    expect(asked).toHaveLength(0);
  });
});
