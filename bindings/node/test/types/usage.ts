// Compiled, never run: what must type-check, and what must not.
import { AtlasError, CapacityError, Client, NotFoundError, Stream } from 'exatlas';
import type { Compute, ErrorKind, EventItem, JobEvent, MintedToken, Spawned } from 'exatlas';

const client = new Client({ default_provider: 'runpod', providers: { runpod: { api_key: 'k' } } });
new Client();
const opened: Promise<Client> = Client.open({});

// @ts-expect-error a misspelt setting
new Client({ default_provder: 'runpod' });
// @ts-expect-error settings are objects
new Client('runpod');

async function calls(signal: AbortSignal): Promise<void> {
  const machine: Spawned = await client.compute.spawn({ gpu: ['h100', 'a100'], auth: 'bearer' }, { signal, timeoutMs: 1000 });
  const same: Compute = await client.compute.get({ id: machine.id });
  const ready: Compute = await client.compute.awaitReady({ id: same.id, probe: { port: 8000 } });
  const token: MintedToken = await client.auth.token.mint();
  const { valid } = await client.auth.url.verify({ url: 'u', secret: 's' });
  const live: number | undefined = (await client.info()).live['calls'];
  const listed: Compute[] = (await client.compute.list()).items;
  const named: Compute = await client.call('compute.get', { id: '1' }, { signal });
  const now: Compute = client.callSync('compute.get', { id: '1' }, { timeoutMs: 5 });
  console.log(ready, token.header, valid, live, listed, named, now.ports[0]?.url, opened);

  // @ts-expect-error an id is needed
  await client.compute.get();
  // @ts-expect-error a misspelt param
  await client.compute.spawn({ gpu: 'h100', gpucount: 2 });
  // @ts-expect-error a value that does not exist
  await client.compute.spawn({ gpu: 'h100', auth: 'basic' });
  // @ts-expect-error a misspelt option
  await client.compute.get({ id: '1' }, { timeout: 5 });
  // @ts-expect-error a method that does not exist
  await client.compute.spwan({});
  // @ts-expect-error the same by name
  await client.call('compute.spwan', {});
  // @ts-expect-error a blocking call cannot be aborted
  client.callSync('compute.get', { id: '1' }, { signal });
  // @ts-expect-error results have no such field
  console.log(machine.gpuType);
  // @ts-expect-error the namespaces are the client's
  client.compute = undefined;
}

async function streams(): Promise<void> {
  const events: Stream<EventItem> = client.events.subscribe({ topic: 'compute:1', from: 1 }, { maxBuffered: 5 });
  const first: number = (await events.ready).next_seq;
  for await (const event of events) console.log(first, event.seq, event.event);
  for await (const event of client.jobs.stream({ endpoint: 'e', id: 'j' })) {
    const one: JobEvent = event;
    if (event.event === 'result') console.log(event.data.job.output, one);
    else if (event.event === 'gap') console.log(event.data.message);
    else console.log(event.data.output);
    // @ts-expect-error only these three exist; a failure is thrown
    if (event.event === 'error') console.log(event);
  }
  await events.return();
  // @ts-expect-error streams come from a client
  new Stream();
}

async function disposal(): Promise<void> {
  await client.close({ timeoutMs: 10 });
  await client[Symbol.asyncDispose]();
  // @ts-expect-error a misspelt option
  await client.close({ timeout: 10 });
}

function failures(error: unknown): ErrorKind | undefined {
  if (error instanceof CapacityError) {
    const kind: 'capacity' = error.kind;
    return kind;
  }
  if (error instanceof NotFoundError && error.status === 404) return error.kind;
  if (error instanceof AtlasError) console.log(error.retryAfterMs, error.hint, error.unknownOutcome, error.details);
  // @ts-expect-error errors are in JavaScript's manner
  if (error instanceof AtlasError) console.log(error.retry_after_ms);
  return undefined;
}

void [calls, streams, disposal, failures];
