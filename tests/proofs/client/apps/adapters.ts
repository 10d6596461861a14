// What docs/guides/single-page-app.md shows for other libraries; run.ts calls them.
import { Session } from "@postern/client";
import axios from "axios";
import ky from "ky";
import { readable } from "svelte/store";
import { onScopeDispose, shallowRef } from "vue";

export function useSession(session: Session) {
  const state = shallowRef(session.state);
  onScopeDispose(session.subscribe(() => (state.value = session.state)));
  return state;
}

export const store = (session: Session) =>
  readable(session.state, (set) => {
    set(session.state);
    return session.subscribe(() => set(session.state));
  });

export const withAxios = (session: Session, baseURL: string) => axios.create({ baseURL, adapter: "fetch", env: { fetch: session.fetch } });

export const withKy = (session: Session, baseUrl: string) => ky.create({ baseUrl, fetch: session.fetch });
