// Writes dist/: the schema of the settings, and that of a wrangler.toml with them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const schema = JSON.parse(readFileSync("schema/settings.schema.json", "utf8"));
mkdirSync("dist", { recursive: true });
writeFileSync("dist/settings.schema.json", JSON.stringify(schema));

// Of alternatives, an editor only says that none fits, and marks the whole table. A list and an object need none: what a
// schema says of items is for lists, and what it says of members for objects.
const { anyOf, ...routes } = schema.properties.POSTERN_ROUTES;
const vars = { properties: { ...schema.properties, POSTERN_ROUTES: { ...Object.assign({}, ...anyOf), ...routes, type: anyOf.map(({ type }) => type) } } };
const wrangler = {
  $schema: schema.$schema,
  title: "A wrangler.toml of Postern",
  description: "The settings of Postern in the [vars] of a wrangler.toml. What wrangler itself takes is not described here.",
  type: "object",
  properties: { vars, env: { additionalProperties: { properties: { vars } } } },
  definitions: schema.definitions,
};
writeFileSync("dist/wrangler.schema.json", JSON.stringify(wrangler));
