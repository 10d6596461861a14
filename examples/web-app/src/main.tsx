import { Session } from "@postern/client";
import { PosternProvider } from "@postern/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";

// The page comes through Postern itself: one origin, no settings.
const session = new Session();

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <PosternProvider session={session}>
      <App />
    </PosternProvider>
  </StrictMode>,
);
