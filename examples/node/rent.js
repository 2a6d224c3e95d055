// Rents a GPU for one user, hands out its credential, runs a job, and gives the
// GPU back. It costs money on RunPod and nothing on the simulator:
//
//   RUNPOD_API_KEY=... node rent.js
//   exatlas sim --listen 127.0.0.1:8700 runpod
//   RUNPOD_API_KEY=any RUNPOD_BASE_URL=http://127.0.0.1:8700 node rent.js
//
// The job runs on the serverless endpoint RUNPOD_ENDPOINT; without it there is
// one on the simulator alone.

import { CapacityError, Client } from 'exatlas';

const { RUNPOD_BASE_URL: base_url } = process.env;
const endpoint = process.env.RUNPOD_ENDPOINT ?? (base_url ? 'stream' : undefined);
const client = new Client({ default_provider: 'runpod', providers: base_url ? { runpod: { base_url } } : {} });

async function rent() {
  const machine = await client.compute.spawn({
    gpu: ['rtx_4090', 'l40s', 'h100'], // the first that is to be had
    image: 'ghcr.io/me/inference:latest',
    ports: [{ internal: 8000 }],
    auth: 'bearer',
  }, { timeoutMs: 60_000 });
  try {
    const ready = await client.compute.awaitReady({ id: machine.id, timeout_ms: 600_000 });
    console.log(`rented ${ready.gpu_type} for $${ready.cost_per_hour} an hour`);
    console.log(`the browser calls ${ready.ports[0].url} with the token of`, machine.auth); // prints it redacted
    if (endpoint) await runJob();
  } finally {
    await client.compute.terminate({ id: machine.id });
    console.log('given back');
  }
}

async function runJob() {
  const job = await client.jobs.run({ endpoint, input: { prompt: 'a sunset' } });
  for await (const event of client.jobs.stream({ endpoint, id: job.id })) {
    if (event.event === 'chunk') console.log('the job says', event.data.output);
  }
}

try {
  await rent();
} catch (error) {
  if (!(error instanceof CapacityError)) throw error;
  console.error(`no GPU is free: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
