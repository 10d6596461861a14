// Identity providers that are not there: their metadata, their key set, and access tokens of the shape that they issue. They
// answer under their real addresses, because what the Worker fetches goes through this process.
import shapes from "./shapes.json" with { type: "json" };
import { broken, newKey, sound, type Broken, type Claims, type Draft, type Key } from "./tokens.ts";

/** Providers by the names that tests use; the shapes' own names are longer. */
const PROVIDERS = {
  auth0: "Auth0",
  "auth0-rfc9068": "Auth0, RFC 9068 profile",
  "entra-v1": "Microsoft Entra ID, v1.0",
  "entra-v2": "Microsoft Entra ID, v2.0",
  cognito: "Amazon Cognito",
  keycloak: "Keycloak 26",
  supabase: "Supabase",
  clerk: "Clerk",
  zitadel: "ZITADEL",
  casdoor: "Casdoor",
  adfs: "AD FS",
  stytch: "Stytch",
  fusionauth: "FusionAuth",
  firebase: "Firebase",
  google: "Google",
  okta: "Okta",
  logto: "Logto",
  workos: "WorkOS",
} as const;

export type Provider = keyof typeof PROVIDERS;
/** The names of all providers. */
export const PROVIDER_NAMES: Provider[] = Object.keys(PROVIDERS) as Provider[];

interface Shape {
  name: string;
  issuer: string;
  audience: string;
  jwks_uri?: string;
  settings: Claims;
  header: Claims & { alg: string };
  claims: Claims;
}

export interface IssuerOptions {
  provider: Provider;
  /** Its `iss`; the default is one of the provider's form. */
  issuer?: string;
  /** The audience of its tokens. */
  audience?: string;
  /** Where its keys are, if they are not found by its metadata. */
  jwksUri?: string;
  /** What calls of `postern.issuer` name it; the default is the provider. */
  name?: string;
}

/** The values of a shape with another issuer and audience in them. */
function replaced<T>(value: T, changes: Map<string, string>): T {
  if (typeof value === "string") return (changes.get(value) ?? value) as T;
  if (Array.isArray(value)) return value.map((item) => replaced(item, changes)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, its]) => [name, replaced(its, changes)])) as T;
}

const without = (members: Claims): Claims => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));

/** How long its tokens live, in seconds. */
const LIFETIME_S = 3600;

export class FakeIssuer {
  readonly name: string;
  readonly provider: Provider;
  /** Its `iss`. */
  readonly issuer: string;
  readonly audience: string;
  /** Its entry in POSTERN_ISSUERS. */
  readonly setting: Claims;
  /** While true, it answers 503 and has no keys. */
  down = false;
  readonly #shape: Shape;
  readonly #changes: Map<string, string>;
  readonly #jwksUri: string;
  /** The newest is the last one, and signs. */
  #keys: Key[];

  private constructor(options: IssuerOptions, shape: Shape, key: Key) {
    this.provider = options.provider;
    this.name = options.name ?? options.provider;
    this.#shape = shape;
    this.issuer = options.issuer ?? shape.issuer;
    this.audience = options.audience ?? (shape.audience === shape.issuer ? this.issuer : shape.audience);
    this.#changes = new Map([[shape.issuer, this.issuer], [shape.audience, this.audience]]);
    const named = options.jwksUri ?? shape.jwks_uri;
    this.#jwksUri = named ?? `${new URL(this.issuer).origin}/.well-known/postern-testing-jwks.json`;
    this.#keys = [key];
    this.setting = { issuer: this.issuer, audiences: [this.audience], ...(named === undefined ? {} : { jwks_uri: named }), ...shape.settings };
  }

  static async start(options: Provider | IssuerOptions): Promise<FakeIssuer> {
    const whole = typeof options === "string" ? { provider: options } : options;
    const shape = (shapes as unknown as Shape[]).find(({ name }) => name === PROVIDERS[whole.provider]);
    if (!shape) throw new Error(`there is no provider ${whole.provider}: they are ${PROVIDER_NAMES.join(", ")}`);
    return new FakeIssuer(whole, shape, await newKey(shape.header.alg, "key-1"));
  }

  /** Where it answers. */
  get origins(): string[] {
    return [this.#jwksUri, ...(URL.canParse(this.issuer) ? [this.issuer] : [])].map((url) => new URL(url).origin).filter((origin) => origin !== "null");
  }

  /** What it answers to a request for its metadata or its keys. */
  answer(url: string): Response {
    if (this.down) return new Response("down", { status: 503 });
    const { pathname } = new URL(url);
    if (pathname === new URL(this.#jwksUri).pathname) return Response.json({ keys: this.#keys.map(({ jwk }) => jwk) });
    const isMetadata = pathname.endsWith("/.well-known/openid-configuration") || pathname.includes("/.well-known/oauth-authorization-server");
    return isMetadata ? Response.json({ issuer: this.issuer, jwks_uri: this.#jwksUri }) : new Response(null, { status: 404 });
  }

  /** From now on another key signs. The former one stays in the key set if `keep` is true. */
  async rotateKeys({ keep = true }: { keep?: boolean } = {}): Promise<void> {
    const kid = `key-${Number(this.#keys.at(-1)?.kid.slice(4)) + 1}`;
    const key = await newKey(this.#shape.header.alg, kid);
    this.#keys = keep ? [...this.#keys, key] : [key];
  }

  #draft(claims: Claims, header: Claims, now: number): Draft {
    const { alg: _, ...usual } = this.#shape.header;
    // Times that a shape has beside `iat` and `exp` are times of its day.
    const others = ["nbf", "auth_time"].filter((name) => name in this.#shape.claims);
    const times = { iat: now, exp: now + LIFETIME_S, ...Object.fromEntries(others.map((name) => [name, now])) };
    const { audience_claim: audienceClaim = "aud", subject_claim: subjectClaims = "sub" } = this.setting as { audience_claim?: string; subject_claim?: string | string[] };
    return { audienceClaim, subjectClaims: [subjectClaims].flat(), header: without({ ...usual, ...header }), claims: without({ iss: this.issuer, ...replaced(this.#shape.claims, this.#changes), ...times, ...claims }) };
  }

  get #signer(): Key {
    return this.#keys.at(-1) as Key;
  }

  /** An access token of its shape; `claims` and `header` replace members, and `null` removes one. */
  token(claims: Claims = {}, header: Claims = {}, now: number = Math.floor(Date.now() / 1000)): Promise<string> {
    return sound(this.#signer, this.#draft(claims, header, now));
  }

  /** The same with one mistake. */
  broken(kind: Broken, claims: Claims = {}, now: number = Math.floor(Date.now() / 1000)): Promise<string> {
    const key = this.#signer;
    return broken(kind, key, this.#draft(claims, {}, now), now, JSON.stringify(key.jwk));
  }
}
