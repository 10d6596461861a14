/**
 * Verifies what Postern says about a caller, in the origin behind it: the gate's assertion, or an access token.
 *
 * @module
 */
export type { Caller } from "./caller.ts";
export { OriginError, type Code, type Kind, type Reason } from "./error.ts";
export type { Carrier } from "./headers.ts";
export { KeySet, type KeySetOptions } from "./key-set.ts";
export { callerOf, type RequireOptions } from "./require.ts";
export { verifyAccessToken, verifyAssertion, type Expected } from "./verify.ts";
