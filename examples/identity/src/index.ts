// A team's own users behind the contract that Postern signs them in by (docs/reference/users.md). Reached only by its service
// binding: never give it a route.
//
// Here the users are a table in the code. In a real one they are in your database, and the password is compared with a
// hash there; how they are stored is nobody's business but this Worker's.

interface User {
  subject: string;
  password: string;
  scopes: string[];
  roles: string[];
  tenant_id?: string;
  disabled?: boolean;
}

const USERS = new Map<string, User>([
  [
    "carol@example.com",
    {
      subject: "customer-4711",
      password: "a horse of another colour",
      scopes: ["read:orders"],
      roles: ["clerk"],
      tenant_id: "acme",
    },
  ],
  ["dave@example.com", { subject: "customer-4712", password: "locked out for good", scopes: [], roles: [], disabled: true }],
]);

/** What Postern gets to know: no password, no hash. `subject` never changes and is never given to anybody else. */
function profile(login: string, { subject, scopes, roles, tenant_id }: User): Response {
  return Response.json({ subject, login, scopes, roles, tenant_id, amr: ["pwd"] });
}

/** Takes as long wherever the two begin to differ. */
async function equal(one: string, other: string): Promise<boolean> {
  const digest = async (text: string) => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const [a, b] = await Promise.all([digest(one), digest(other)]);
  return a.reduce((difference, byte, index) => difference | (byte ^ (b[index] ?? 0)), 0) === 0;
}

async function verify({ login, password }: { login: string; password: string }): Promise<Response> {
  const user = USERS.get(login.toLowerCase());
  // The same work and the same answer for an unknown login, a wrong password and a disabled user.
  const right = await equal(password, user?.password ?? "nobody has this password");
  if (!user || !right || user.disabled) return new Response(null, { status: 401 });
  return profile(login.toLowerCase(), user);
}

function bySubject({ subject }: { subject: string }): Response {
  const found = [...USERS].find(([, user]) => user.subject === subject);
  return found ? profile(...found) : new Response(null, { status: 404 });
}

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    switch (new URL(request.url).pathname) {
      case "/verify":
        return verify(await request.json());
      case "/profile":
        return bySubject(await request.json());
      default:
        return new Response(null, { status: 404 });
    }
  },
};
