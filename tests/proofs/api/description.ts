// docs/reference/openapi.yaml as a judge of answers.
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { parse } from "yaml";

export interface Operation {
  method: string;
  path: string;
  /** By status. */
  responses: Record<string, { content?: Record<string, unknown> }>;
}

interface Described {
  paths: Record<string, Record<string, unknown>>;
  components: { responses: Record<string, { content?: Record<string, unknown> }> };
}

export const file = new URL("../../../docs/reference/openapi.yaml", import.meta.url);
const described = parse(readFileSync(file, "utf8"), { maxAliasCount: -1 }) as Described;

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Every operation. */
export const operations: Operation[] = Object.entries(described.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => METHODS.includes(method))
    .map(([method, operation]) => ({ method: method.toUpperCase(), path, ...(operation as Pick<Operation, "responses">) })),
);

// The document itself is the one schema; its parts are named by pointers into it. Formats are notes for people.
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(described, "openapi");

const escaped = (name: string): string => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
const compiled = new Map<string, ValidateFunction>();

function validator(pointer: string): ValidateFunction {
  let validate = compiled.get(pointer);
  if (validate === undefined) compiled.set(pointer, (validate = ajv.compile({ $ref: `openapi#${pointer}` })));
  return validate;
}

/** The operation that a request is, if it is described. */
export function operationOf(method: string, path: string): Operation | undefined {
  const fits = (template: string) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}$`).test(path);
  return operations.find((operation) => operation.method === method && fits(operation.path));
}

/** What is wrong with an answer, by the description; nothing when it is as described. */
export function wrongWith(operation: Operation, status: number, contentType: string | null, body: string): string[] {
  const { method, path } = operation;
  const here = `${method} ${path} ${status}`;
  const response = operation.responses[String(status)];
  if (response === undefined) return [`${here}: this status is not described`];
  const reference = (response as { $ref?: string }).$ref;
  const pointer = reference === undefined
    ? `/paths/${escaped(path)}/${method.toLowerCase()}/responses/${status}`
    : reference.slice(1);
  const content = reference === undefined ? response.content : described.components.responses[reference.split("/").pop()!]?.content;
  if (content === undefined) return body === "" ? [] : [`${here}: has a body, and none is described`];
  const mediaType = contentType?.split(";")[0] ?? "";
  if (!(mediaType in content)) return [`${here}: is ${mediaType || "nothing"}, described is ${Object.keys(content).join(", ")}`];
  if (!/[/+]json$/.test(mediaType)) return [];
  const validate = validator(`${pointer}/content/${escaped(mediaType)}/schema`);
  if (validate(JSON.parse(body))) return [];
  return (validate.errors ?? []).map((error) => `${here}: ${error.instancePath || "the body"} ${error.message} ${JSON.stringify(error.params)}`);
}
