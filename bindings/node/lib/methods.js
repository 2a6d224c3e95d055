'use strict';
// The methods that clients offer by name. A test holds this list equal to the
// generated types. Any other method of the library is reached by client.call.

const METHODS = [
  'atlas.info', 'atlas.metrics',
  'providers.list', 'providers.capabilities', 'providers.load', 'providers.reload',
  'compute.spawn', 'compute.get', 'compute.list', 'compute.stop', 'compute.start', 'compute.terminate',
  'compute.await_ready', 'compute.logs', 'compute.bill',
  'gpus.catalog', 'gpus.list',
  'offers.search',
  'orchestrator.spawn', 'orchestrator.touch', 'orchestrator.get', 'orchestrator.list', 'orchestrator.stop', 'orchestrator.reap',
  'orchestrator.shutdown',
  'dashboard.serve', 'dashboard.close',
  'jobs.run', 'jobs.get', 'jobs.cancel', 'jobs.stream',
  'auth.token.mint', 'auth.token.verify', 'auth.url.sign', 'auth.url.verify',
  'events.subscribe', 'events.unsubscribe',
  'fly.apps.discover', 'fly.tokens.get', 'fly.tokens.refresh', 'fly.tokens.invalidate', 'fly.tokens.set_manual',
  'fly.logs.fetch', 'fly.logs.subscribe', 'fly.logs.unsubscribe', 'fly.deploy.run', 'fly.deploy.stream',
];

/** Methods whose answer opens a subscription: here they make a Stream. */
const STREAMS = ['jobs.stream', 'events.subscribe', 'fly.logs.subscribe', 'fly.deploy.stream'];

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** Adds client.compute.get and its kin; atlas.info is client.info. */
function addNamespaces(client) {
  for (const method of METHODS) {
    const path = method.split('.').map(camel);
    if (path[0] === 'atlas') path.shift();
    const name = path.pop();
    const home = path.reduce((at, part) => (at[part] ??= {}), client);
    home[name] = STREAMS.includes(method)
      ? (params, options) => client.stream(method, params, options)
      : (params, options) => client.call(method, params, options);
  }
}

module.exports = { METHODS, STREAMS, addNamespaces };
