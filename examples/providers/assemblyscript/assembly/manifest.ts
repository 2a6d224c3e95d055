// What the provider says of itself.

/** The provider's name: callers, settings and files use it. */
export const NAME = "acme_as";

/** Where the cloud's API is. An operator's base_url replaces it. */
export const ADDRESS = "https://api.acmecompute.invalid";

export const MANIFEST = `{
  "name": "${NAME}", "abi": 1, "version": "0.1.0", "description": "Acme Compute, an invented cloud",
  "capabilities": ["gpu", "stop_start", "http_proxy", "raw_tcp"],
  "urls": [{"name": "api", "url": "${ADDRESS}"}],
  "hosts": ["api.acmecompute.invalid"],
  "credential": {"env": ["ACME_AS_API_KEY"], "scheme": "Bearer"},
  "rate_limits": [{"requests": 300, "window_ms": 60000}],
  "api": {"generation": "v1", "checked": "2026-11-24"},
  "gpus": [{"canonical": "l40s", "native": "l40s", "memory_gb": 48}, {"canonical": "a100_80g", "native": "a100", "memory_gb": 80},
           {"canonical": "h100", "native": "h100", "memory_gb": 80}]
}`;

/** The canonical name of a GPU of Acme's, "" where there is none. */
export function canonical(gpu: string): string {
  if (gpu == "a100") return "a100_80g";
  return gpu == "l40s" || gpu == "h100" ? gpu : "";
}
