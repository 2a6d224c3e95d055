// Package codec is the JSON of the provider ABI: it decodes the requests of
// core/spec and encodes its answers, without reflection.
//
// The decoders are strict, because requests come from Atlas itself: a value of
// a wrong type is a validation error that names the field. Unknown fields are
// skipped, so that an older plugin serves a newer host. The encoders write what
// encoding/json would, apart from required lists, which are [] and never null.
// Tests hold both to encoding/json. Called by plugins/sdk alone.
package codec
