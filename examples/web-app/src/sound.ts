import { Refused } from "@postern/client";

/** The answer, unless it is a refusal: then an error with the words of the gate or the API. */
export async function sound(call: Promise<Response>): Promise<Response> {
  const answer = await call;
  if (answer.ok) return answer;
  throw new Refused(answer.status, await answer.json().catch(() => ({})));
}
