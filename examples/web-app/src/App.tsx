import { SignedIn, SignedOut, useSession } from "@postern/react";
import { Devices } from "./Devices.tsx";
import { Gate } from "./Gate.tsx";
import { Orders } from "./Orders.tsx";
import { SignIn } from "./SignIn.tsx";
import { User } from "./User.tsx";

export function App() {
  const { status, sessionId, offline } = useSession();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <span className="brand">
          <Gate />
          Castle Works
        </span>
        <SignedIn>
          <User key={sessionId} />
        </SignedIn>
      </header>
      {/* It is there before it says something, or screen readers do not read it. */}
      <p role="status" className="offline">
        {offline && "No connection. You stay signed in, and this page tries again by itself."}
      </p>
      <main id="main" aria-busy={status === "unknown"}>
        <SignedOut>
          <SignIn />
        </SignedOut>
        <SignedIn>
          {/* The key: what one user saw is gone when another one signs in. */}
          <div className="columns" key={sessionId}>
            <Orders />
            <Devices />
          </div>
        </SignedIn>
      </main>
    </>
  );
}
