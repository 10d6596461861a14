// Verifies Postern's access tokens (RFC 9068), and the assertions that its gate sets.
const ISSUER = "https://auth.example.com";
const AUDIENCE = "https://api.example.com";
const ASSERTION_AUDIENCE = "https://orders.internal.example.com";
const LEEWAY = 5;

// SubjectPublicKeyInfo of a P-256 key, up to its coordinates (RFC 5480 section 2).
const P256 = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");

function part(text) {
  // The decoder passes over characters of other alphabets.
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new Error("not base64url");
  return JSON.parse(Buffer.from(text, "base64url").toString());
}

// From nginx, which keeps it.
async function keySet() {
  try {
    const answer = await ngx.fetch("http://127.0.0.1:8996/keys");
    return await answer.json();
  } catch (error) {
    // The token may be good: nginx answers 500 and not 401.
    error.isOurs = true;
    throw error;
  }
}

async function verified(token, typ, audience) {
  const parts = token.split(".");
  const header = part(parts[0]);
  if (parts.length !== 3 || header.typ !== typ || header.alg !== "ES256") throw new Error("not of this kind");
  if (Object.keys(header).some((name) => !["alg", "kid", "typ"].includes(name))) throw new Error("not a header of Postern");
  const set = await keySet();
  const keys = set.keys.filter((key) => key.kid === header.kid && key.kty === "EC" && key.crv === "P-256");
  if (keys.length !== 1) throw new Error("no such key");
  const spki = Buffer.concat([P256, Buffer.from(keys[0].x, "base64url"), Buffer.from(keys[0].y, "base64url")]);
  const key = await crypto.subtle.importKey("spki", spki, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const signed = Buffer.from(parts[0] + "." + parts[1]);
  if (!/^[A-Za-z0-9_-]{86}$/.test(parts[2])) throw new Error("no signature of ES256");
  const signature = Buffer.from(parts[2], "base64url");
  const isSigned = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, signed);
  if (!isSigned) throw new Error("not signed by Postern");
  const claims = part(parts[1]);
  const now = Date.now() / 1000;
  const audiences = [].concat(claims.aud);
  if (claims.iss !== ISSUER || !audiences.includes(audience)) throw new Error("for another API");
  if (typeof claims.sub !== "string" || claims.sub === "") throw new Error("without a subject");
  const begins = claims.nbf === undefined ? claims.iat : claims.nbf;
  if (![claims.iat, claims.exp, begins].every((time) => typeof time === "number")) throw new Error("without times");
  if (claims.exp + LEEWAY <= now || Math.max(claims.iat, begins) - LEEWAY > now) throw new Error("expired, or not yet valid");
  if (claims.cnf !== undefined) throw new Error("bound to a key");
  return claims;
}

async function answered(r, judge) {
  try {
    const claims = await judge();
    r.headersOut["X-Subject"] = claims.sub;
    r.headersOut["X-Issuer"] = claims.token_iss || claims.iss;
    r.headersOut["X-Scope"] = claims.scope || "";
    r.return(204);
  } catch (error) {
    r.log("refused: " + error.message);
    r.return(error.isOurs ? 500 : 401);
  }
}

async function check(r) {
  await answered(r, () => {
    const token = /^Bearer ([^ ]+)$/i.exec(r.headersIn.Authorization || "")[1];
    return verified(token, "at+jwt", AUDIENCE);
  });
}

async function checkAssertion(r) {
  await answered(r, () => {
    const lines = r.rawHeadersIn.filter((line) => line[0].toLowerCase() === "x-postern-assertion");
    if (lines.length !== 1) throw new Error("not one assertion");
    return verified(lines[0][1], "postern-assertion+jwt", ASSERTION_AUDIENCE).then((claims) => {
      if (typeof claims.token_iss !== "string" || claims.token_iss === "") throw new Error("without token_iss");
      return claims;
    });
  });
}

export default { check, checkAssertion };
