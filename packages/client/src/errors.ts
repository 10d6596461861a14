import type { Problem, ProblemCode } from "./api.ts";

/** Every error of this package: `Refused`, `Unreachable`, `SessionChanged`, `StepUpRequired`. Fields are declared alone, so that they cost no bytes. */
export class PosternError extends Error {}

/** The server answered with an error. */
export class Refused extends PosternError {
  override name = "Refused";
  /** The status of the answer. */
  declare readonly status: number;
  /** The stable code of a problem document, or `error` of an OAuth server; undefined if the answer has none. */
  declare readonly code: ProblemCode | (string & {}) | undefined;
  /** The whole problem document (RFC 9457), as far as the answer has one. */
  declare readonly problem: Partial<Problem>;
  /** Milliseconds after which the call may be repeated (`Retry-After`); undefined if the server does not say. */
  declare readonly retryAfter: number | undefined;

  constructor(status: number, problem: Partial<Problem> & { error?: string; error_description?: string } = {}, retryAfter?: number) {
    super(problem.title ?? problem.error_description ?? `The server answered ${status}`);
    this.status = status;
    this.code = problem.code ?? problem.error;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** No answer came, or one that is not the server's: no network, a time-out, a page of a captive portal. Nothing is known of the session. */
export class Unreachable extends PosternError {
  override name = "Unreachable";
}

/**
 * The request was made in a session that is over: it ended, or another user signed in. It was not sent as the other user.
 * If its answer came too late, it may have been carried out.
 */
export class SessionChanged extends PosternError {
  override name = "SessionChanged";

  constructor() {
    super("The session of this request is over");
  }
}

/** The API asks for a stronger or more recent sign-in (RFC 9470). */
export class StepUpRequired extends PosternError {
  override name = "StepUpRequired";
  /** The 401 of the API. */
  declare readonly response: Response;
  /** One of these `acr` values is needed; empty if the API names none. */
  declare readonly acrValues: string[];
  /** The sign-in may be so many seconds old; undefined if its age does not matter. */
  declare readonly maxAge: number | undefined;

  constructor(response: Response) {
    super("The API asks for another sign-in");
    this.response = response;
    this.acrValues = challenge(response, "acr_values")?.split(" ").filter(Boolean) ?? [];
    const age = challenge(response, "max_age");
    this.maxAge = age === undefined ? undefined : Number(age);
  }
}

/** A parameter of `WWW-Authenticate`, such as `error`. */
export function challenge(response: Response, parameter: string): string | undefined {
  return new RegExp(`\\b${parameter}="?([^",]*)`).exec(response.headers.get("www-authenticate") ?? "")?.[1];
}

/** The error that an answer is. */
export async function refused(answer: Response): Promise<Refused> {
  const seconds = Number(answer.headers.get("retry-after"));
  const problem = await answer.json().catch(() => undefined);
  return new Refused(answer.status, typeof problem === "object" && problem ? problem : {}, seconds > 0 ? seconds * 1000 : undefined);
}
