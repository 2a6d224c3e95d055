// Package keyfile keeps the secret of an installation: 32 random bytes in a file
// that only its owner may read. Credentials of sessions are made from it and
// stored tokens are encrypted with it, so that who has the store alone has
// neither. It knows nothing of what the key is used for; the root calls it.
package keyfile
