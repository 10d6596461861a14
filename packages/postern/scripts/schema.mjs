// Writes dist/: the schema of the settings, and that of a wrangler.toml with them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const schema = JSON.parse(readFileSync("schema/settings.schema.json", "utf8"));
mkdirSync("dist", { recursive: true });
writeFileSync("dist/settings.schema.json", JSON.stringify(schema));

// A variable may also be a text that holds its JSON. Editors cannot look into it, so it is no mistake.
const vars = { properties: Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, { anyOf: [one, { type: "string", pattern: "^[\\[{\"]" }] }])) };
const wrangler = {
  $schema: schema.$schema,
  title: "A wrangler.toml of Postern",
  description: "The settings of Postern in the [vars] of a wrangler.toml. What wrangler itself takes is not described here.",
  type: "object",
  properties: { vars, env: { additionalProperties: { properties: { vars } } } },
  definitions: schema.definitions,
};
writeFileSync("dist/wrangler.schema.json", JSON.stringify(wrangler));
