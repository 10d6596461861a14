// In place of `npx` on the PATH of the runbook's commands: what wrangler would do at Cloudflare, the proof does on this machine.
import { text } from "node:stream/consumers";

const answer = await fetch(process.env.RUNBOOK_WRANGLER, {
  method: "POST",
  body: JSON.stringify({ words: process.argv.slice(2), input: process.stdin.isTTY ? "" : await text(process.stdin) }),
});
process.stdout.write(await answer.text());
process.exitCode = answer.status === 200 ? 0 : 1;
