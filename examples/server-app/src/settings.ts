/** What the app has to know. On a real deployment it comes from the environment. */
export interface Settings {
  /** Where people reach this app. */
  url: string;
  /** POSTERN_ISSUER: the authorization server, and the gate in front of the API. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** 32 random bytes, base64url: the sessions in the browsers' cookies are encrypted under it. */
  cookieKey: string;
}

export function settingsFrom(env: Record<string, string | undefined>): Settings {
  const need = (name: string): string => {
    const value = env[name];
    if (!value) throw new Error(`${name} is missing in the environment`);
    return value;
  };
  return { url: need("APP_URL"), issuer: need("POSTERN_ISSUER"), clientId: need("CLIENT_ID"), clientSecret: need("CLIENT_SECRET"), cookieKey: need("COOKIE_KEY") };
}
