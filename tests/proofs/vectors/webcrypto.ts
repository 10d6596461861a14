// Runs inside workerd: judges signatures with crypto.subtle under exactly the parameters of src/crypto.rs.
//
// The crate's own way to WebCrypto begins at a whole access token, and Wycheproof's messages are none. So the questions
// are those that our code put to its verifier (published.rs notes them), and only the table below is repeated here.
// Change both together.

export interface Question {
  alg: "ES256" | "ES384" | "EdDSA" | "RS256" | "PS256";
  jwk: Record<string, unknown>;
  input: string;
  signature: string;
}

const RSA = { hash: "SHA-256" };

/** `key_parameters` and `signature_parameters` of src/crypto.rs. */
const PARAMETERS = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  ES384: [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", ...RSA }, { name: "RSASSA-PKCS1-v1_5" }],
  PS256: [{ name: "RSA-PSS", ...RSA }, { name: "RSA-PSS", saltLength: 32 }],
} as const;

/** As `imported` there: these members are taken off, ours decided already. */
const DECIDED = ["alg", "use", "kid", "key_ops"];

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}

async function judge({ alg, jwk, input, signature }: Question): Promise<boolean> {
  const [keyParameters, signatureParameters] = PARAMETERS[alg];
  const plain = Object.fromEntries(Object.entries(jwk).filter(([member]) => !DECIDED.includes(member)));
  const key = await crypto.subtle.importKey("jwk", plain, keyParameters, false, ["verify"]).catch(() => undefined);
  // A key that the platform refuses verifies nothing.
  return key !== undefined && (await crypto.subtle.verify(signatureParameters, key, bytes(signature), bytes(input)));
}

export default {
  async fetch(request: Request): Promise<Response> {
    const questions = (await request.json()) as Question[];
    return Response.json(await Promise.all(questions.map(judge)));
  },
};
