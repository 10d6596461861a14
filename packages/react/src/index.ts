"use client";

import type { BaseSession, Session, SessionState } from "@postern/client";
import { createContext, createElement, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";

/** What a server may know before the page does. */
export interface Initial {
  status: SessionState["status"];
  sessionId?: string | undefined;
}

interface Provided {
  session: BaseSession;
  /** What is shown until the session is known; the second one while there is no network. */
  initial: readonly [SessionState, SessionState];
}

const Context = createContext<Provided | undefined>(undefined);

export interface PosternProviderProps {
  /** Made once, outside of components. */
  session: BaseSession;
  /**
   * What the server rendered, for example from the access cookie. It is shown until the page has asked the server itself,
   * so that nothing flickers.
   */
  initial?: Initial | undefined;
  children?: ReactNode;
}

/** Makes the session known to the components below, and finds out if the user is signed in. */
export function PosternProvider({ session, initial, children }: PosternProviderProps): ReactNode {
  // The first one stays: a new object with each render must not render everything anew.
  const [provided, provide] = useState<Provided>(() => {
    const first = { status: initial?.status ?? "unknown", sessionId: initial?.sessionId, offline: false };
    return { session, initial: [first, { ...first, offline: true }] };
  });
  if (provided.session !== session) provide({ ...provided, session });
  useEffect(() => {
    // The state says `offline` if it fails, and the session tries again by itself.
    if (session.state.status === "unknown") session.start().catch(() => {});
  }, [session]);
  return createElement(Context.Provider, { value: provided }, children);
}

function useProvided(): Provided {
  const provided = useContext(Context);
  if (!provided) throw new Error("There is no <PosternProvider> above this component");
  return provided;
}

/** What is known of the session; the component renders anew when that changes. */
export function useSession(): SessionState {
  const { session, initial } = useProvided();
  const known = () => (session.state.status === "unknown" ? initial[session.state.offline ? 1 : 0] : session.state);
  return useSyncExternalStore(session.subscribe, known, () => initial[0]);
}

/** The session itself, for sign-in and sign-out: `useClient<OAuthSession>()` for one of the redirect flow. */
export function useClient<S extends BaseSession = Session>(): S {
  return useProvided().session as S;
}

/** `fetch` with the access token; the same function in each render. */
export function useFetch(): typeof globalThis.fetch {
  return useProvided().session.fetch;
}

/** Shows its children while the user is signed in. */
export function SignedIn({ children }: { children?: ReactNode }): ReactNode {
  return useSession().status === "signed-in" ? children : null;
}

/** Shows its children while the user is signed out: not before that is known. */
export function SignedOut({ children }: { children?: ReactNode }): ReactNode {
  return useSession().status === "signed-out" ? children : null;
}
