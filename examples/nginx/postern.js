// Verifies Postern's access tokens (RFC 9068).
const ISSUER = "https://auth.example.com";
const AUDIENCE = "https://api.example.com";
const LEEWAY = 5;

// SubjectPublicKeyInfo of a P-256 key, up to its coordinates (RFC 5480 section 2).
const P256 = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");

function part(text) {
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

async function verified(token) {
  const parts = token.split(".");
  const header = part(parts[0]);
  if (parts.length !== 3 || header.typ !== "at+jwt" || header.alg !== "ES256") throw new Error("not an access token");
  const set = await keySet();
  const keys = set.keys.filter((key) => key.kid === header.kid && key.kty === "EC" && key.crv === "P-256");
  if (keys.length !== 1) throw new Error("no such key");
  const spki = Buffer.concat([P256, Buffer.from(keys[0].x, "base64url"), Buffer.from(keys[0].y, "base64url")]);
  const key = await crypto.subtle.importKey("spki", spki, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const signed = Buffer.from(parts[0] + "." + parts[1]);
  const signature = Buffer.from(parts[2], "base64url");
  const isSigned = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, signed);
  if (!isSigned) throw new Error("not signed by Postern");
  const claims = part(parts[1]);
  const now = Date.now() / 1000;
  const audiences = [].concat(claims.aud);
  if (claims.iss !== ISSUER || !audiences.includes(AUDIENCE)) throw new Error("for another API");
  if (!(claims.exp + LEEWAY > now) || claims.nbf - LEEWAY > now) throw new Error("expired");
  return claims;
}

async function check(r) {
  try {
    const token = /^Bearer ([^ ]+)$/i.exec(r.headersIn.Authorization || "")[1];
    const claims = await verified(token);
    r.headersOut["X-Subject"] = claims.sub;
    r.headersOut["X-Scope"] = claims.scope || "";
    r.return(204);
  } catch (error) {
    r.log("refused: " + error.message);
    r.return(error.isOurs ? 500 : 401);
  }
}

export default { check };
