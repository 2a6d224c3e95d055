/* The parts of the provider: provider.c has the operations, spawn.c the one that
 * rents, convert.c knows the cloud's field names, errors.c its failures. */
#ifndef PROVIDER_H
#define PROVIDER_H

#include "atlas_guest.h"

#define NAME "acme_c" /* the provider's name: callers, settings and files use it */
#define ADDRESS "https://api.acmecompute.invalid"

/* The label in which the request id of a create comes back in listings: by it
 * Atlas finds a machine whose answer was lost. */
#define REQUEST_LABEL "atlas-request"

/* A call is one operation. secrets are objects whose texts no error may show. */
typedef struct {
	atlas_text request, base;
	atlas_text secrets[2];
} call;

/* begin reads the input. Where it returns 0, the output is an error already. */
int begin(call *c, atlas_buffer *out);

/* ask sends a request to a path and returns whether its answer is a success;
 * otherwise the output is an error. */
int ask(const call *c, const char *method, atlas_text path, atlas_text body, atlas_answer *answer, atlas_buffer *out);

/* fail makes the output an error. It returns 0, so that one can return it. */
int fail(atlas_buffer *out, const char *kind, const char *message);

/* failure makes the output the error of an answer that is no success. */
int failure(const call *c, const atlas_answer *answer, atlas_buffer *out);

/* unreadable makes the output the error of an answer that is not what the cloud's
 * contract says. */
int unreadable(const atlas_answer *answer, const char *what, atlas_buffer *out);

/* A machine, as far as something is done with what the cloud says of it. */
typedef struct {
	atlas_text id, name, state, gpu, zone, image, price, address, ports, ssh, created, started, request_id;
	int64_t gpus;
} machine;

/* read_machine returns 0 where the value is no machine. */
int read_machine(atlas_text value, machine *m);
void put_machine(atlas_buffer *out, const machine *m);

/* put_gone writes the answer to a terminate of a machine that Acme does not know. */
void put_gone(atlas_buffer *out, atlas_text id);

/* put_sizes writes the GPUs that are sold in that number. */
void put_sizes(atlas_buffer *out, atlas_text sizes, int64_t count);

int spawn(const call *c, atlas_buffer *out);

#endif
