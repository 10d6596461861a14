// Prints the TypeScript types of the settings, made from their schema: node scripts/types.mjs >src/settings.ts
import { readFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const schema = JSON.parse(readFileSync(new URL("../schema/settings.schema.json", import.meta.url), "utf8"));
/** A reference with a description beside it would get a type of its own at each place: with allOf it names the one type. */
function named(node) {
  if (Array.isArray(node)) return node.map(named);
  if (typeof node !== "object" || node === null) return node;
  const { $ref, ...rest } = node;
  const members = Object.fromEntries(Object.entries(rest).map(([name, member]) => [name, named(member)]));
  if ($ref === undefined) return members;
  return Object.keys(rest).length === 0 ? { $ref } : { ...members, allOf: [{ $ref }] };
}

const banner = "// The types of the settings. Made by scripts/types.mjs from schema/settings.schema.json; do not edit.";
process.stdout.write(await compile(named(schema), "PosternSettings", { bannerComment: banner, additionalProperties: false, ignoreMinAndMaxItems: true }));
