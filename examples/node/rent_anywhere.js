// Rents the cheapest GPU of all clouds there is a key for, never above a price,
// and gives it back. It costs money, except on simulators:
//
//   RUNPOD_API_KEY=... VAST_API_KEY=... node rent_anywhere.js
//   node rent_anywhere.js '{"runpod": "http://…", "vast": "http://…"}'   the line that `exatlas sim` prints

import { CapacityError, Client } from 'exatlas';

const wanted = ['rtx_4090', 'l40s', 'a10'];
const simulated = Object.entries(JSON.parse(process.argv[2] ?? '{}'));
const client = new Client({ providers: Object.fromEntries(simulated.map(([name, base_url]) => [name, { base_url, api_key: 'any' }])) });

try {
  const { items } = await client.offers.search({ gpu: wanted, max_price_per_hour: 1.5, limit: 3 });
  for (const offer of items) console.log(`${offer.provider} has a ${offer.gpu_type} for $${offer.price_per_hour} an hour`);
  const machine = await client.compute.spawn({
    provider: 'any', // or a list of clouds
    gpu: wanted,
    prefer: 'price',
    max_price_per_hour: 1.5,
    image: 'ghcr.io/me/inference:latest',
    ports: [{ internal: 8000 }],
  }, { timeoutMs: 120_000 });
  try {
    for (const attempt of machine.attempts) console.log(`${attempt.provider}: ${attempt.outcome} ${attempt.message ?? ''}`);
    console.log(`${machine.gpu_type} at ${machine.provider} for $${machine.cost_per_hour} an hour`);
  } finally {
    await client.compute.terminate({ provider: machine.provider, id: machine.id });
    console.log('given back');
  }
} catch (error) {
  if (!(error instanceof CapacityError)) throw error;
  console.error(`no cloud has one at that price: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
