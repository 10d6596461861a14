// An app that uses all of it, for its types.
import { memory, OAuthSession, PosternError, Refused, Session, SessionChanged, StepUpRequired, Unreachable, type Me, type ProblemCode, type SessionState, type TokenStorage } from "@postern/client";
import { DpopKey } from "@postern/client/dpop";

export const session: Session = new Session({ url: "https://auth.example.com", api: ["https://api.example.com"] });
const stop: () => void = session.subscribe(() => show(session.state));

function show({ status, sessionId, offline }: SessionState): string {
  switch (status) {
    case "unknown":
      return offline ? "no network" : "...";
    case "signed-in":
      return sessionId ?? "";
    case "signed-out":
      return "sign in";
  }
}

export function message(error: unknown): string {
  if (error instanceof StepUpRequired) return error.acrValues.join();
  if (error instanceof SessionChanged) return error.message;
  if (error instanceof Unreachable) return String(error.cause);
  if (error instanceof Refused) {
    // A wrong code does not compile.
    const taken: ProblemCode = "login_taken";
    if (error.code === taken) return "taken";
    return error.problem.errors?.map(({ field }) => field).join() ?? `${error.retryAfter ?? 0}`;
  }
  return error instanceof PosternError ? error.message : "";
}

export async function run(): Promise<Me> {
  await session.start();
  await session.signIn({ login: "a", password: "b" });
  const token: string | undefined = session.peek() ?? (await session.get());
  const answer: Response = await session.fetch(new URL("https://api.example.com/"), { headers: { "x-token": token ?? "" } });
  await answer.json();
  stop();
  return session.me();
}

const app: TokenStorage = { getItem: async () => null, setItem: async () => {}, removeItem: async () => {} };
export const grants: OAuthSession[] = [
  new OAuthSession({ issuer: "https://auth.example.com", clientId: "web", redirectUri: "https://app.example.com/callback", storage: sessionStorage }),
  new OAuthSession({ issuer: "https://auth.example.com", clientId: "web", redirectUri: "com.example.app:/callback", storage: app, dpop: await DpopKey.inMemory() }),
  new OAuthSession({ issuer: "https://auth.example.com", clientId: "web", redirectUri: "http://127.0.0.1/callback", storage: memory() }),
];
// @ts-expect-error: where the refresh token is kept must be said
new OAuthSession({ issuer: "https://auth.example.com", clientId: "web", redirectUri: "https://app.example.com/callback" });
