/** Where a refresh token is kept. `sessionStorage` and `localStorage` are such places; a secure storage of an app may answer later. */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

/** Keeps the refresh token in memory: a reload of the page loses it. */
export function memory(): TokenStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

/** A refresh token and the session that it belongs to. */
export interface StoredToken {
  id: string;
  token: string;
}
