// Why Postern's verdict differs from that of oidc-provider.

interface Reason {
  names: RegExp;
  /** `Postern / oidc-provider`. */
  verdicts: RegExp;
  reason: string;
}

const REASONS: Reason[] = [
  {
    names: /^authorize: redirect_uri twice/,
    verdicts: /^page 400 \/ redirect invalid_request$/,
    reason: "which of the two is meant is not proved, so the browser is sent nowhere (RFC 6749 section 4.1.2.1)",
  },
  {
    names: /of no UTF-8$|with a lone %$/,
    verdicts: /^(page 400|400 invalid_request) \//,
    reason: "parameters are UTF-8 (RFC 6749 appendix B); a form that cannot be read is refused as a whole, because another reader could read it otherwise",
  },
  { names: /^authorize: scope of 9 000 characters$/, verdicts: /^redirect invalid_scope \/ sign-in$/, reason: "no scope is so long, and none of it could be granted" },
  {
    names: /^authorize: (resource twice|two resources)/,
    verdicts: /^redirect invalid_target \/ sign-in$/,
    reason: "a token is for one resource; RFC 8707 section 2 leaves it to the server",
  },
  {
    names: /^authorize: state (of 9 000|with control) characters$/,
    verdicts: /^redirect invalid_request \/ sign-in$/,
    reason: "state is visible ASCII (RFC 6749 appendix A.5), and what is sent back is limited to 2048 characters",
  },
  { names: /loopback redirect_uri with port 0$/, verdicts: /^page 400 \/ sign-in$/, reason: "no program listens at port 0" },
  {
    names: /^authorize: response_type/,
    verdicts: /^redirect unsupported_response_type \/ (redirect invalid_request|sign-in)$/,
    reason: "only `code` exists, to the letter (OAuth 2.1 section 4.1.1); oidc-provider looks at other parameters first, or takes a value twice for once",
  },
  {
    names: /^authorize: response_mode (fragment|form_post)$/,
    verdicts: /^redirect invalid_request \/ sign-in$/,
    reason: "the metadata says `query` alone",
  },
  {
    names: /^authorize: response_mode/,
    verdicts: /^redirect invalid_request \/ redirect unsupported_response_mode$/,
    reason: "the code of RFC 6749 section 4.1.2.1; the other one belongs to JARM, which is not there",
  },
  {
    names: /^authorize: code_challenge of (44|128) characters$/,
    verdicts: /^redirect invalid_request \/ sign-in$/,
    reason: "a challenge by S256 has 43 characters; no verifier would fit a longer one",
  },
  {
    names: /^authorize: (max_age|besides, nonce|besides, claims_locales)/,
    verdicts: /^sign-in \/ redirect invalid_request$/,
    reason: "max_age is served to OAuth clients too, and parameters that are not recognized are ignored (RFC 6749 section 3.1)",
  },
  {
    names: /^authorize: a pushed request/,
    verdicts: /^redirect request_uri_not_supported \/ redirect invalid_request_uri$/,
    reason: "there are no pushed requests",
  },
  { names: /^authorize: 500 parameters$/, verdicts: /^page 400 \/ sign-in$/, reason: "the number of parameters is limited" },
  {
    names: /client_id (missing|empty|in upper case)$|no client$|: empty$|a client with a secret: (an empty secret|no base64|no colon|a broken escape|another scheme|an assertion)$/,
    verdicts: /^401 invalid_client \/ 400 invalid_request$/,
    reason: "no client authentication that the server takes is 401 invalid_client (RFC 6749 section 5.2)",
  },
  {
    names: /^token: code: code_verifier/,
    verdicts: /^400 invalid_request \/ 400 invalid_grant$/,
    reason: "a parameter that is missing is invalid_request; invalid_grant is for a verifier that does not fit (RFC 7636 section 4.6)",
  },
  {
    names: /^token: refresh: replayed at once$/,
    verdicts: /^200 \/ 400 invalid_grant$/,
    reason: "within the reuse interval a retry gets the same successor; a later replay ends the grant",
  },
  {
    names: /^(revoke|introspect): an access token$/,
    verdicts: /^200( active)? \/ 400 unsupported_token_type$/,
    reason: "oidc-provider keeps no record of access tokens that are JWTs; Postern ends, and describes, the grant that `sid` names",
  },
  {
    names: /^revoke: another client's token$/,
    verdicts: /^200 \/ 400 invalid_request$/,
    reason: "nothing is revoked. RFC 7009 section 2.1 would have an error; the answer of section 2.2 does not tell a client which tokens of others exist",
  },
  {
    names: /^introspect: another client's token$/,
    verdicts: /^200 not active \/ 200 active$/,
    reason: "a client learns nothing of tokens that are neither its own nor for its resources (RFC 7662 section 4)",
  },
  { names: /: (GET|PUT|DELETE)$/, verdicts: /^405 \/ 404$/, reason: "405 with Allow is HTTP's word for a known path and another method (RFC 9110 section 15.5.6)" },
];

const used = new Set<Reason>();

/** The reason on record for this difference. */
export function reasonFor(name: string, own: string, their: string): string | undefined {
  const found = REASONS.find(({ names, verdicts }) => names.test(name) && verdicts.test(`${own} / ${their}`));
  if (found) used.add(found);
  return found?.reason;
}

/** Reasons that no difference needed. */
export const unusedReasons = (): string[] => REASONS.filter((reason) => !used.has(reason)).map(({ names, verdicts }) => `${names} ${verdicts}`);
