// What an app pays for its session: ours and others', by the same bundler.
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const ENTRIES: readonly [name: string, version: string | undefined, code: string][] = [
  ["`@postern/client`, `Session`", "@postern/client", 'export { Session, Refused, SessionChanged, StepUpRequired, Unreachable } from "@postern/client"'],
  ["`@postern/client`, `OAuthSession`", "@postern/client", 'export { OAuthSession, Refused, SessionChanged, StepUpRequired, Unreachable } from "@postern/client"'],
  ["`@postern/client`, all", "@postern/client", 'export * from "@postern/client"'],
  ["`@postern/client/dpop`", "@postern/client", 'export * from "@postern/client/dpop"'],
  ["`@postern/react`", "@postern/react", 'export * from "@postern/react"'],
  ["dpop", "dpop", 'export * from "dpop"'],
  ["oauth4webapi, code, refresh and DPoP", "oauth4webapi", 'export { discoveryRequest, processDiscoveryResponse, generateRandomCodeVerifier, generateRandomState, calculatePKCECodeChallenge, validateAuthResponse, authorizationCodeGrantRequest, processAuthorizationCodeResponse, refreshTokenGrantRequest, processRefreshTokenResponse, protectedResourceRequest, None, DPoP } from "oauth4webapi"'],
  ["keycloak-js", "keycloak-js", 'export { default } from "keycloak-js"'],
  ["openid-client, code and refresh", "openid-client", 'export { discovery, randomPKCECodeVerifier, calculatePKCECodeChallenge, randomState, buildAuthorizationUrl, authorizationCodeGrant, refreshTokenGrant, fetchProtectedResource, None } from "openid-client"'],
  ["better-auth, React", "better-auth", 'export { createAuthClient } from "better-auth/react"'],
  ["oidc-client-ts", "oidc-client-ts", 'export { UserManager, WebStorageStateStore } from "oidc-client-ts"'],
  ["@supabase/auth-js", "@supabase/auth-js", 'export { AuthClient } from "@supabase/auth-js"'],
  ["@auth0/auth0-spa-js", "@auth0/auth0-spa-js", 'export { createAuth0Client } from "@auth0/auth0-spa-js"'],
];

export async function sizes(): Promise<string> {
  const lines = ["| package | version | minified | gzip |", "|---|---|---|---|"];
  for (const [name, from, contents] of ENTRIES) {
    const { outputFiles } = await build({ stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, write: false, minify: true, format: "esm", target: "es2022", external: ["react", "react-dom"], define: { "process.env.NODE_ENV": '"production"' } });
    const code = outputFiles[0]!.contents;
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "node_modules", from!, "package.json"), "utf8")) as { version: string };
    const kilobytes = (bytes: number) => (bytes / 1000).toFixed(1);
    lines.push(`| ${name} | ${version} | ${kilobytes(code.length)} kB | ${kilobytes(gzipSync(code, { level: 9 }).length)} kB |`);
  }
  return lines.join("\n");
}
