/// <reference lib="esnext.disposable" />
import type { ClientConfig, ErrorKind, EventItem, FlyDeploy, FlyDeployLine, FlyLogLine, Job, MethodName, Methods, Namespaces, Subscribed } from './types';

export * from './types';

/** Options of one call. */
export interface CallOptions {
  /** Cancels the call. It then rejects with the signal's reason, unless the cloud may have carried it out all the same: then with a CancelledError whose unknownOutcome is true. */
  signal?: AbortSignal;
  /** The call ends with a TimeoutError after so many ms. */
  timeoutMs?: number;
}

/** Options of a blocking call. */
export type SyncOptions = Pick<CallOptions, 'timeoutMs'>;

/** Options of a stream. */
export interface StreamOptions {
  /** Ends the stream: reading it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Events kept for a slow reader, beyond which the stream fails with ATLAS_SLOW_READER. Default 10000. */
  maxBuffered?: number;
}

export type ParamsOf<M extends MethodName> = Methods[M]['params'];
export type ResultOf<M extends MethodName> = Methods[M]['result'];

/** An event of jobs.stream. Failure of the job is an exception, not an event. */
export type JobEvent =
  | (EventItem & { event: 'chunk'; data: { output: unknown } })
  /** The answer of a read was lost: chunks may be missing here. data.job.output of the result is the whole output, where the cloud keeps it. */
  | (EventItem & { event: 'gap'; data: { message: string; hint: string } })
  | (EventItem & { event: 'result'; data: { final: true; job: Job } });

/** An event of fly.logs.subscribe. The end of the log is an exception, not an event. */
export type FlyLogEvent =
  | (EventItem & { event: 'line'; data: FlyLogLine })
  | (EventItem & { event: 'dropped'; data: { count: number } })
  | (EventItem & { event: 'stalled' | 'resumed' });

/** An event of fly.deploy.stream. A deploy that did not go well is an exception, not an event. */
export type FlyDeployEvent =
  | (EventItem & { event: 'started' })
  | (EventItem & { event: 'line'; data: FlyDeployLine })
  | (EventItem & { event: 'phase'; data: { phase: string; text: string } })
  | (EventItem & { event: 'dropped'; data: { count: number } })
  | (EventItem & { event: 'result'; data: { final: true; deploy: FlyDeploy } });

/** The lines of an app's log, while they are written. */
export interface LogLines extends AsyncIterableIterator<FlyLogLine> {
  readonly ready: Promise<Subscribed>;
  /** Where to resume behind the last line: `from` of another one. */
  readonly cursor: string;
  /** Lines that were dropped because this reader was too slow. */
  readonly lost: number;
  /** Whether Fly does not answer at the moment. */
  readonly stalled: boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of client.fly.logs. */
export interface LogOptions extends StreamOptions {
  /** Cursor to resume behind. */
  from?: string;
  /** Begins with the newest lines there are. */
  recent?: boolean;
  region?: string;
  instance?: string;
}

/** Options of client.fly.deploy. */
export interface DeployOptions {
  /** Gets every event but the result. */
  onEvent?: (event: FlyDeployEvent) => void;
  /** Cancels the deploy. */
  signal?: AbortSignal;
}

/** Params may be left out where none is needed. */
type Rest<M extends MethodName, O> = {} extends ParamsOf<M> ? [params?: ParamsOf<M>, options?: O] : [params: ParamsOf<M>, options?: O];

interface StreamEvents {
  'jobs.stream': JobEvent;
  'events.subscribe': EventItem;
  'fly.logs.subscribe': FlyLogEvent;
  'fly.deploy.stream': FlyDeployEvent;
}

/** One method as a function. */
export type Method<M extends MethodName> = M extends keyof StreamEvents
  ? (...rest: Rest<M, StreamOptions>) => Stream<StreamEvents[M]>
  : (...rest: Rest<M, CallOptions>) => Promise<ResultOf<M>>;

/** The methods under a prefix: Namespace<'compute'> has spawn, get, awaitReady and so on. */
export type Namespace<Prefix extends keyof Namespaces> = Namespaces[Prefix];

/**
 * A client of the library: rents, watches and gives back machines. Every method
 * of docs/methods.md is there by name; params and results keep the names of that
 * page, options and errors are in JavaScript's manner.
 */
export class Client {
  /** Throws a ValidationError that names the mistake, or a LoadError. */
  constructor(config?: ClientConfig);
  /** As the constructor, with a promise. */
  static open(config?: ClientConfig): Promise<Client>;

  /** Versions, providers, and what is alive. */
  readonly info: Method<'atlas.info'>;
  /** What this client counts, in the text format of Prometheus: serve `text` as `content_type`. */
  readonly metrics: Method<'atlas.metrics'>;
  readonly compute: Namespace<'compute'>;
  readonly gpus: Namespace<'gpus'>;
  readonly offers: Namespace<'offers'>;
  readonly orchestrator: Namespace<'orchestrator'>;
  /** A web page of the sessions: `(await client.dashboard.serve({ actions: true })).operator_url`. */
  readonly dashboard: Namespace<'dashboard'>;
  readonly jobs: Namespace<'jobs'>;
  readonly auth: { readonly token: Namespace<'auth.token'>; readonly url: Namespace<'auth.url'> };
  readonly events: Namespace<'events'>;
  readonly providers: Namespace<'providers'>;
  /** Fly's platform operations: `for await (const line of client.fly.logs('my-api'))`. */
  readonly fly: {
    readonly apps: Namespace<'fly.apps'>;
    readonly tokens: Namespace<'fly.tokens'>;
    readonly logs: Namespace<'fly.logs'> & ((app: string, options?: LogOptions) => LogLines);
    readonly deploy: Namespace<'fly.deploy'> & ((params?: ParamsOf<'fly.deploy.stream'>, options?: DeployOptions) => Promise<FlyDeploy>);
  };

  /** Whether close was called. */
  readonly closed: boolean;

  /** Any method by name. */
  call<M extends MethodName>(method: M, ...rest: Rest<M, CallOptions>): Promise<ResultOf<M>>;
  /** The same, blocking the thread: for scripts. Nothing else runs meanwhile. */
  callSync<M extends MethodName>(method: M, ...rest: Rest<M, SyncOptions>): ResultOf<M>;
  /** Any method that opens a subscription, as a stream. */
  stream<M extends keyof StreamEvents>(method: M, ...rest: Rest<M, StreamOptions>): Stream<StreamEvents[M]>;

  /** A machine for a while. `await using session = await client.session({...})` (Node 24, TypeScript) gives it back; before, call `session.stop()` in a `finally`. */
  session(params: ParamsOf<'orchestrator.spawn'>, options?: CallOptions): Promise<Session>;

  /** Cancels the calls in flight, waits for them at most timeoutMs (default 5000) and lets go of everything. May be called twice. */
  close(options?: { timeoutMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A session as an object. Disposing of it ends it. */
export class Session {
  private constructor();
  /** What is known of it; refresh reads it anew. */
  readonly facts: ResultOf<'orchestrator.spawn'>;
  readonly id: string;
  readonly state: ResultOf<'orchestrator.spawn'>['state'];
  /** The machine as it was last seen. */
  readonly compute: ResultOf<'orchestrator.spawn'>['compute'];
  /** The credential to hand to the browser, where spawn was asked for one. */
  readonly auth: ResultOf<'orchestrator.spawn'>['auth'];
  /** Tells that it is in use. */
  touch(): Promise<void>;
  refresh(): Promise<this>;
  /** Its events from a number on (default 1); the last one is `terminated`. */
  events(from?: number, options?: StreamOptions): Stream<EventItem>;
  /** Ends it and waits until the cloud says that the machine is gone, at most waitMs (default 60000); with forget, without that word. */
  stop(options?: { waitMs?: number; forget?: boolean }): Promise<this>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Events in order, for `for await`. It is subscribed from the moment it is made. */
export class Stream<E = EventItem> implements AsyncIterableIterator<E> {
  private constructor();
  /** The subscription, once the library has made it; rejects when it could not. */
  readonly ready: Promise<Subscribed>;
  next(): Promise<IteratorResult<E, undefined>>;
  /** Leaves the stream. */
  return(value?: undefined): Promise<IteratorReturnResult<undefined>>;
  throw(error?: unknown): Promise<IteratorReturnResult<undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Every failure. There is a class for each kind. */
export class AtlasError extends Error {
  /** What can be done about it. */
  readonly kind: ErrorKind;
  /** ATLAS_ and the kind, or a word for what has no kind of its own: ATLAS_CLOSED, ATLAS_BUSY, ATLAS_TOO_LARGE, ATLAS_LOAD, ATLAS_SLOW_READER. */
  readonly code: string;
  /** What to do; may be empty. */
  readonly hint: string;
  /** Provider concerned; may be empty. */
  readonly provider: string;
  /** Operation or method concerned; may be empty. */
  readonly operation: string;
  /** HTTP status of the cloud's answer, or 0. */
  readonly status: number;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** How long to wait before that, where the cloud says; or 0. */
  readonly retryAfterMs: number;
  /** Whether the cloud may have done it all the same, and Atlas could not find out. */
  readonly unknownOutcome: boolean;
  /** Structured facts, such as the attempts of a spawn; or null. */
  readonly details: any;
  /** The cloud's own error body, secrets redacted; or null. */
  readonly raw: unknown;
  /** All of these facts: those that say nothing are not enumerable, and neither is the hint, which the message has. */
  toJSON(): Record<string, unknown>;
}

export class UnauthorizedError extends AtlasError { readonly kind: 'unauthorized'; }
export class ForbiddenError extends AtlasError { readonly kind: 'forbidden'; }
export class NotFoundError extends AtlasError { readonly kind: 'not_found'; }
export class RateLimitedError extends AtlasError { readonly kind: 'rate_limited'; }
export class TimeoutError extends AtlasError { readonly kind: 'timeout'; }
export class UnsupportedError extends AtlasError { readonly kind: 'unsupported'; }
export class ValidationError extends AtlasError { readonly kind: 'validation'; }
export class ProviderError extends AtlasError { readonly kind: 'provider'; }
export class TransportError extends AtlasError { readonly kind: 'transport'; }
export class UnknownError extends AtlasError { readonly kind: 'unknown'; }
export class CapacityError extends AtlasError { readonly kind: 'capacity'; }
export class ConflictError extends AtlasError { readonly kind: 'conflict'; }
export class FundsError extends AtlasError { readonly kind: 'funds'; }
export class BudgetError extends AtlasError { readonly kind: 'budget'; }
export class CancelledError extends AtlasError { readonly kind: 'cancelled'; }
export class PluginError extends AtlasError { readonly kind: 'plugin'; }
export class InternalError extends AtlasError { readonly kind: 'internal'; }
/** The client is closed. */
export class ClosedError extends CancelledError {}
/** The addon or the library cannot be loaded; the message says what to do. */
export class LoadError extends UnsupportedError {}
