// An MCP server made with the SDK: tools, resources and prompts of the names that @modelcontextprotocol/conformance asks
// for, over Streamable HTTP with sessions, event streams, and resumption.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport, type EventStore } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type JSONRPCMessage,
} from "@modelcontextprotocol/sdk/types.js";

/** A PNG of one pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/** A WAV without samples. */
const WAV = Buffer.from("RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0", "latin1").toString("base64");

const text = (words: string) => ({ type: "text" as const, text: words });
const image = { type: "image" as const, data: PNG, mimeType: "image/png" };
const embedded = (uri: string, mimeType: string, words: string) => ({ type: "resource" as const, resource: { uri, mimeType, text: words } });
const schema = (properties: Record<string, object> = {}, required: string[] = []) => ({ type: "object" as const, properties, required });
const options = (first: string, noun: string) => [1, 2, 3].map((number) => ({ const: `${first}${number}`, title: `${["First", "Second", "Third"][number - 1]} ${noun}` }));

const ENUMS = {
  untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
  titledSingle: { type: "string", oneOf: options("value", "Option") },
  legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option One", "Option Two", "Option Three"] },
  untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
  titledMulti: { type: "array", items: { anyOf: options("value", "Choice") } },
};
const DEFAULTS = {
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", default: true },
};
/** Keywords of JSON Schema 2020-12 that must come through as they are. */
const KEYWORDS = {
  ...schema({ name: { type: "string" }, address: { $ref: "#/$defs/address" }, contactMethod: { enum: ["phone", "email"] }, phone: { type: "string" }, email: { type: "string" } }),
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $defs: { address: { $anchor: "addressDef", type: "object", properties: { street: { type: "string" }, city: { type: "string" } } } },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};
const TOOLS: Record<string, ReturnType<typeof schema>> = {
  test_simple_text: schema(),
  test_image_content: schema(),
  test_audio_content: schema(),
  test_embedded_resource: schema(),
  test_multiple_content_types: schema(),
  test_tool_with_logging: schema(),
  test_tool_with_progress: schema(),
  test_error_handling: schema(),
  test_sampling: schema({ prompt: { type: "string" } }, ["prompt"]),
  test_elicitation: schema({ message: { type: "string" } }, ["message"]),
  test_elicitation_sep1034_defaults: schema(),
  test_elicitation_sep1330_enums: schema(),
  test_reconnection: schema(),
  json_schema_2020_12_tool: KEYWORDS,
};
const PROMPTS = [
  { name: "test_simple_prompt" },
  { name: "test_prompt_with_arguments", arguments: [{ name: "arg1", required: true }, { name: "arg2", required: true }] },
  { name: "test_prompt_with_embedded_resource", arguments: [{ name: "resourceUri", required: true }] },
  { name: "test_prompt_with_image" },
];

/** One session's server. */
function session(): Server {
  const capabilities = { tools: {}, resources: { subscribe: true }, prompts: {}, logging: {}, completions: {} };
  const server = new Server({ name: "postern-mcp-tests", version: "1.0.0" }, { capabilities });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: Object.entries(TOOLS).map(([name, inputSchema]) => ({ name, description: name.replaceAll("_", " "), inputSchema })) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const given = params.arguments ?? {};
    const ask = async (message: string, requestedSchema: object) => {
      const elicit = { method: "elicitation/create" as const, params: { message, requestedSchema } };
      return extra.sendRequest(elicit as never, ElicitResultSchema);
    };
    const answered = (result: { action: string; content?: unknown }) => [text(`Elicitation completed: action=${result.action}, content=${JSON.stringify(result.content ?? {})}`)];
    switch (params.name) {
      case "test_simple_text":
        return { content: [text("This is a simple text response for testing.")] };
      case "test_image_content":
        return { content: [image] };
      case "test_audio_content":
        return { content: [{ type: "audio" as const, data: WAV, mimeType: "audio/wav" }] };
      case "test_embedded_resource":
        return { content: [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")] };
      case "test_multiple_content_types":
        return { content: [text("Multiple content types test:"), image, embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')] };
      case "test_tool_with_logging":
        for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
          await extra.sendNotification({ method: "notifications/message", params: { level: "info", data } });
          await delay(50);
        }
        return { content: [text("logged")] };
      case "test_tool_with_progress": {
        const token = params._meta?.progressToken;
        for (const progress of [0, 50, 100]) {
          if (token !== undefined) await extra.sendNotification({ method: "notifications/progress", params: { progressToken: token, progress, total: 100 } });
          await delay(50);
        }
        return { content: [text("done")] };
      }
      case "test_reconnection":
        // The client comes back for the answer.
        extra.closeSSEStream?.();
        await delay(100);
        return { content: [text("reconnected")] };
      case "test_error_handling":
        return { isError: true, content: [text("This tool intentionally returns an error for testing")] };
      case "test_sampling": {
        const messages = [{ role: "user" as const, content: text(String(given["prompt"])) }];
        const reply = await extra.sendRequest({ method: "sampling/createMessage", params: { messages, maxTokens: 100 } }, CreateMessageResultSchema);
        const content = Array.isArray(reply.content) ? reply.content[0] : reply.content;
        return { content: [text(`LLM response: ${content?.type === "text" ? content.text : ""}`)] };
      }
      case "test_elicitation": {
        const properties = { username: { type: "string", description: "User's response" }, email: { type: "string", description: "User's email address" } };
        const { action, content } = await ask(String(given["message"]), schema(properties, ["username", "email"]));
        return { content: [text(`User response: action: ${action}, content: ${JSON.stringify(content)}`)] };
      }
      case "test_elicitation_sep1034_defaults":
        return { content: answered(await ask("Please review the defaults", schema(DEFAULTS))) };
      case "test_elicitation_sep1330_enums":
        return { content: answered(await ask("Please choose", schema(ENUMS))) };
      default:
        throw new Error(`there is no tool ${params.name}`);
    }
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: [
      { uri: "test://static-text", name: "Static text", mimeType: "text/plain" },
      { uri: "test://static-binary", name: "Static binary", mimeType: "image/png" },
      { uri: "test://watched-resource", name: "Watched", mimeType: "text/plain" },
    ],
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [{ uriTemplate: "test://template/{id}/data", name: "Template", mimeType: "application/json" }] }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id) return { contents: [{ uri, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] };
    if (uri === "test://static-binary") return { contents: [{ uri, mimeType: "image/png", blob: PNG }] };
    if (uri === "test://static-text") return { contents: [{ uri, mimeType: "text/plain", text: "This is the content of the static text resource." }] };
    throw new Error(`there is no resource ${uri}`);
  });
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(SetLevelRequestSchema, () => ({}));
  server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: [], hasMore: false } }));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: PROMPTS.map((prompt) => ({ ...prompt, description: prompt.name.replaceAll("_", " ") })) }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params: { name, arguments: given } }) => {
    const user = (content: object) => ({ role: "user" as const, content: content as ReturnType<typeof text> });
    switch (name) {
      case "test_simple_prompt":
        return { messages: [user(text("This is a simple prompt for testing."))] };
      case "test_prompt_with_arguments":
        return { messages: [user(text(`Prompt with arguments: arg1='${given?.["arg1"]}', arg2='${given?.["arg2"]}'`))] };
      case "test_prompt_with_embedded_resource":
        return { messages: [user(embedded(given?.["resourceUri"] ?? "", "text/plain", "Embedded resource content for testing.")), user(text("Please process the embedded resource above."))] };
      case "test_prompt_with_image":
        return { messages: [user(image), user(text("Please analyze the image above."))] };
      default:
        throw new Error(`there is no prompt ${name}`);
    }
  });
  return server;
}

/** Every event of a session, for clients that come back with Last-Event-ID. */
class Events implements EventStore {
  readonly #events: { id: string; stream: string; message: JSONRPCMessage }[] = [];
  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}_${this.#events.length}`;
    this.#events.push({ id, stream, message });
    return id;
  }
  async replayEventsAfter(last: string, { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> }): Promise<string> {
    const at = this.#events.findIndex(({ id }) => id === last);
    const stream = this.#events[at]?.stream ?? "";
    for (const event of this.#events.slice(at + 1)) if (event.stream === stream) await send(event.id, event.message);
    return stream;
  }
}

export interface McpServer {
  readonly url: string;
  /** The requests that it got, with their headers. */
  readonly seen: { method: string; headers: IncomingMessage["headers"] }[];
  /** The sessions that are open. */
  sessions(): number;
  /** Breaks off every open event stream, as a network does. */
  breakStreams(): void;
  stop(): Promise<void>;
}

/** Starts it on a free port, at the path /mcp. */
export async function startMcpServer(): Promise<McpServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const seen: McpServer["seen"] = [];
  const http: HttpServer = createServer(async (request, response) => {
    seen.push({ method: request.method ?? "", headers: request.headers });
    // As MCP asks of servers on localhost, against DNS rebinding.
    const isLocal = (name: string | undefined) => name === undefined || /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(name.replace(/^https?:\/\//, ""));
    if (!isLocal(request.headers.host) || !isLocal(request.headers.origin)) return void response.writeHead(403).end();
    if (new URL(request.url ?? "/", "http://localhost").pathname !== "/mcp") return void response.writeHead(404).end();
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    if (id !== undefined && !known) return void response.writeHead(404).end();
    if (known) return void (await known.handleRequest(request, response));
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events(),
      retryInterval: 50,
      onsessioninitialized: (made) => void sessions.set(made, transport),
      onsessionclosed: (closed) => void sessions.delete(closed),
    });
    await session().connect(transport as never);
    await transport.handleRequest(request, response);
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen,
    sessions: () => sessions.size,
    breakStreams: () => http.closeAllConnections(),
    stop: async () => {
      http.close();
      http.closeAllConnections();
      await once(http, "close");
    },
  };
}
