import { startPostern } from "@postern/testing";
import type { TestProject } from "vitest/node";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postern = await startPostern();
  project.provide("postern", postern.connection);
  return () => postern.dispose();
}

declare module "vitest" {
  interface ProvidedContext {
    postern: import("@postern/testing").Connection;
  }
}
