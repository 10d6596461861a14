// docs/reference/audit-events.schema.json, held against events that Workers really wrote.
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const schema = JSON.parse(readFileSync(new URL("../../../docs/reference/audit-events.schema.json", import.meta.url), "utf8")) as {
  $defs: Record<string, object>;
};

/** What is wrong with the events, one sentence each; without values, which belong to users. */
export function mistakesIn(events: readonly Record<string, unknown>[]): string[] {
  const valid = new Ajv2020({ strict: false }).compile(schema);
  const mistakes = new Set<string>();
  for (const event of events) {
    const name = String(event["event"]);
    if (!Object.hasOwn(schema.$defs, name)) mistakes.add(`${name}: is not described`);
    else if (!valid(event)) {
      // The other events' objections say only that this is another event.
      const own = valid.errors?.find(({ schemaPath, keyword }) => schemaPath.includes(`/${name}/`) || keyword === "unevaluatedProperties");
      mistakes.add(`${name}: ${own?.instancePath ?? ""} ${own?.message ?? "does not fit"} ${JSON.stringify(own?.params ?? {})}`);
    }
  }
  return [...mistakes];
}
