// Postern in Miniflare, inside your tests.
export { startPostern } from "./start.ts";
export { connectPostern } from "./connect.ts";
export { FakeIssuer, PROVIDER_NAMES, type IssuerOptions, type Provider } from "./issuer.ts";
export { KitError, Postern } from "./handle.ts";
export { BROKEN, type Broken, type Claims } from "./tokens.ts";
export type { Handler, Route, StartOptions } from "./options.ts";
export type { Connection, Duration, IssuerHandle, Mail, PosternEvent, SignIn, User, UserSpec } from "./handle.ts";
export type { Cookie, Session } from "./session.ts";
