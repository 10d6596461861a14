// Writes src/api.ts, the types of what Postern answers, from docs/reference/openapi.yaml. A test fails when they part.
//
//   node scripts/api-types.mjs          writes the file
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const description = new URL("../../../docs/reference/openapi.yaml", import.meta.url);
const file = new URL("../src/api.ts", import.meta.url);

/** The calls whose answers are described where they are made, by `operationId` and status: the type's name. */
const ANSWERS = { me: ["200", "Me"], register: ["201", "Registered"], exportAccount: ["200", "AccountExport"] };
/** Our names for the schemas that the client hands out. */
const SCHEMAS = { Tokens: "Tokens", Session: "ListedSession", Activity: "Activity", OauthGrant: "Grant", Problem: "Problem", ProblemCode: "ProblemCode" };

/** The text of the whole file. */
export function apiTypes() {
  const api = parse(readFileSync(description, "utf8"));
  const written = new Map();
  const waiting = Object.entries(SCHEMAS);
  const schemaOf = (name) => api.components.schemas[name];
  const write = (name, schema) => written.set(name, declaration(name, schema, nameOf));
  function nameOf(schemaName) {
    const own = SCHEMAS[schemaName];
    if (own) return own;
    // A text with a pattern has no type of its own.
    const schema = schemaOf(schemaName);
    if (schema.type !== "object" && !schema.enum) return typeOf(schema, nameOf);
    if (!written.has(schemaName)) write(schemaName, schema);
    return schemaName;
  }
  for (const [schema, name] of waiting) write(name, schemaOf(schema));
  for (const path of Object.values(api.paths)) {
    for (const call of Object.values(path)) {
      const [status, name] = ANSWERS[call?.operationId] ?? [];
      if (name) write(name, call.responses[status].content["application/json"].schema);
    }
  }
  const sorted = [...written].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, text]) => text);
  return `// Written by scripts/api-types.mjs from docs/reference/openapi.yaml: do not edit.\n\n${sorted.join("\n\n")}\n`;
}

function declaration(name, schema, nameOf) {
  const about = schema.description ? `/** ${schema.description.trim().replaceAll(/\s+/g, " ")} */\n` : "";
  if (schema.type !== "object") return `${about}export type ${name} = ${typeOf(schema, nameOf)};`;
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties).map(([member, one]) => {
    const text = one.description ? `  /** ${one.description.trim().replaceAll(/\s+/g, " ")} */\n` : "";
    return `${text}  ${member}${required.has(member) ? "" : "?"}: ${typeOf(one, nameOf, "  ")};`;
  });
  return `${about}export interface ${name} {\n${members.join("\n")}\n}`;
}

function typeOf(schema, nameOf, indent = "") {
  if (schema.$ref) return nameOf(schema.$ref.split("/").at(-1));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, nameOf, indent)).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "integer":
    case "number":
      return "number";
    case "array": {
      const item = typeOf(schema.items, nameOf, indent);
      return item.includes("|") ? `(${item})[]` : `${item}[]`;
    }
    case "object": {
      const required = new Set(schema.required ?? []);
      const members = Object.entries(schema.properties ?? {}).map(([name, one]) => `${indent}  ${name}${required.has(name) ? "" : "?"}: ${typeOf(one, nameOf, `${indent}  `)};`);
      return `{\n${members.join("\n")}\n${indent}}`;
    }
    default:
      throw new Error(`docs/reference/openapi.yaml has a schema without a type: ${JSON.stringify(schema)}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, apiTypes());
