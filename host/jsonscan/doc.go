// Package jsonscan looks at JSON that a guest wrote before anything decodes it: whether
// it is one object in UTF-8, nested no deeper than decoders further up can bear, and
// where its members lie. It builds nothing and does not recurse.
//
// It knows nothing of what the JSON means. Package host calls it for the answers of
// operations and for manifests.
package jsonscan
