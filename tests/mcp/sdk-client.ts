// The client of the MCP SDK, and what an application gives it for signing in.
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import type { OAuthClientInformationMixed, OAuthClientMetadata, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";

export { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
export { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
export { StreamableHTTPClientTransport, StreamableHTTPError } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

export const CALLBACK = "http://localhost:1/callback";

/** A client of the SDK that can answer for a model. */
export function client(): Client {
  const made = new Client({ name: "postern-mcp-tests", version: "1.0.0" }, { capabilities: { sampling: {} } });
  made.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({ role: "assistant", model: "none", content: { type: "text", text: `heard ${JSON.stringify(params.messages[0]?.content)}` } }));
  return made;
}

/** Keeps what the SDK's client learns, and where it sent the browser. */
export class Provider implements OAuthClientProvider {
  readonly sent: URL[] = [];
  redirectUrl = CALLBACK;
  clientMetadata: OAuthClientMetadata = { client_name: "The tests", redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" };
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = "";

  /** `client` is there when it was registered before. */
  constructor(client?: OAuthClientInformationMixed) {
    this.#client = client;
  }

  clientInformation = () => this.#client;
  saveClientInformation = (made: OAuthClientInformationMixed) => void (this.#client = made);
  tokens = () => this.#tokens;
  saveTokens = (tokens: OAuthTokens) => void (this.#tokens = tokens);
  redirectToAuthorization = (url: URL) => void this.sent.push(url);
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;
  /** The SDK says that the server refused these. */
  invalidateCredentials = (which: string) => void (which !== "verifier" && (this.#tokens = undefined));
}
