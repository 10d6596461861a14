export type { AccountExport, Activity, ActivityKind, Grant, ListedSession, Me, Problem, ProblemCode, Profile, Registered } from "./api.ts";
export { BaseSession, type BaseOptions, type Dpop, type Send, type SessionState, type TokenAnswer } from "./base.ts";
export { PosternError, Refused, SessionChanged, StepUpRequired, Unreachable } from "./errors.ts";
export { OAuthSession, type Metadata, type OAuthOptions, type SignInOptions } from "./oauth.ts";
export { Session, type Credentials, type SessionOptions } from "./session.ts";
export { memory, type StoredToken, type TokenStorage } from "./storage.ts";
