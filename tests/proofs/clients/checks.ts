// How a client's program reports: a line for each check, and one at its end. run.ts counts the lines.
import { isDeepStrictEqual } from "node:util";

/** One check. A failure is reported, and the program goes on. */
export async function check<Found>(name: string, probe: () => Promise<Found> | Found): Promise<Found | undefined> {
  try {
    const found = await probe();
    console.log(`ok ${name}`);
    return found;
  } catch (error) {
    const { message, cause } = error as Error;
    const because = cause === undefined ? "" : ` (${JSON.stringify(cause instanceof Error ? cause.message : cause)})`;
    console.log(`FAIL ${name}: ${message}${because}`.replaceAll("\n", " "));
    return undefined;
  }
}

/** Without this line the program broke off. */
export const finished = (): void => console.log("finished");

export function equal(found: unknown, wanted: unknown, what = "value"): void {
  if (!isDeepStrictEqual(found, wanted)) throw new Error(`${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

/** The error of a call that must fail, which must fit. */
export async function refused(call: () => Promise<unknown>, fits: (error: { name: string; code?: string; error?: string; message: string }) => boolean): Promise<void> {
  const error = await call().then(
    () => undefined,
    (thrown: unknown) => thrown as { name: string; code?: string; error?: string; message: string },
  );
  if (error === undefined) throw new Error("was not refused");
  if (!fits(error)) throw new Error(`was refused otherwise: ${error.name} ${error.code ?? ""} ${error.error ?? ""} ${error.message}`);
}
