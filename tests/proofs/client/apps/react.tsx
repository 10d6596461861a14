import type { OAuthSession } from "@postern/client";
import { PosternProvider, SignedIn, SignedOut, useClient, useFetch, useSession } from "@postern/react";
import { session } from "./app.js";

function Status() {
  const { status } = useSession();
  const client = useClient();
  const load: typeof fetch = useFetch();
  return <button onClick={() => client.signOut().then(() => load("/"))}>{status}</button>;
}

function Redirect() {
  const client = useClient<OAuthSession>();
  return <button onClick={() => client.signIn({ returnTo: location.pathname })}>Sign in</button>;
}

export const App = () => (
  <PosternProvider session={session} initial={{ status: "signed-in" }}>
    <SignedIn><Status /></SignedIn>
    <SignedOut><Redirect /></SignedOut>
  </PosternProvider>
);
