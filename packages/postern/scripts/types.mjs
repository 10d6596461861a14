// Prints the TypeScript types of the settings, made from their schema: node scripts/types.mjs >src/settings.ts
import { readFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const schema = JSON.parse(readFileSync(new URL("../schema/settings.schema.json", import.meta.url), "utf8"));
const banner = "// The types of the settings. Made by scripts/types.mjs from schema/settings.schema.json; do not edit.";
process.stdout.write(await compile(schema, "PosternSettings", { bannerComment: banner, additionalProperties: false, ignoreMinAndMaxItems: true }));
