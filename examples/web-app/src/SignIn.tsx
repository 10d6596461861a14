import { useClient } from "@postern/react";
import { useActionState } from "react";
import { Gate } from "./Gate.tsx";
import { wordsFor } from "./words.ts";

export function SignIn() {
  const session = useClient();
  const [{ login, error }, submit, pending] = useActionState(
    async (_: unknown, form: FormData) => {
      const [login, password] = [String(form.get("login")), String(form.get("password"))];
      try {
        await session.signIn({ login, password });
        return { login, error: "" };
      } catch (failed) {
        return { login, error: wordsFor(failed) };
      }
    },
    { login: "", error: "" },
  );
  return (
    <section className="card sign-in">
      <Gate />
      <h1>Sign in to Castle Works</h1>
      <form action={submit}>
        <p role="alert" className="error" id="sign-in-error">
          {error}
        </p>
        <label>
          E-mail
          <input name="login" type="email" autoComplete="username" required defaultValue={login} aria-describedby="sign-in-error" />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required aria-describedby="sign-in-error" />
        </label>
        <button disabled={pending}>{pending ? "Signing in …" : "Sign in"}</button>
      </form>
    </section>
  );
}
