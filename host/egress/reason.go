package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/exatlas/atlas/core/spec"
)

// noProxy tells who sits behind an HTTP proxy why nothing goes through it. A proxy
// would look names up itself, and dial what nobody here has checked.
const noProxy = "HTTPS_PROXY and its like are not used"

// raise tells what there is to do where descriptors are short.
const raise = "raise the process's limit of open files (ulimit -n), or send less at once"

const tooMany = "too many open files"

// unreached is the failure of a dial.
func (o *origin) unreached(err error) *Failure {
	failure := broken("no connection to "+o.place()+": "+reason(err), false)
	failure.Err = err
	switch {
	case exhausted(err):
		failure.Hint = raise
	case noTLS(err) && o.private:
		failure.Hint = "does its address, in the provider's base_url or urls, begin with http://?"
	case o.private:
		failure.Hint = "is the server running? the provider's base_url or urls name it"
	default:
		failure.Hint = "check the network and its firewall; " + noProxy
	}
	return failure
}

// nameless is the failure of looking up a name.
func (o *origin) nameless(err error) *Failure {
	message, hint := "the host name "+o.host+" is not known", "check the network and its name servers; "+noProxy
	var dns *net.DNSError
	if err != nil && !(errors.As(err, &dns) && dns.IsNotFound) {
		message = "the host name " + o.host + " could not be looked up"
		switch {
		case exhausted(err):
			message, hint = message+": "+tooMany, raise
		case timedOut(err):
			message += ": no answer in time"
		}
	}
	failure := broken(message, false)
	failure.Hint, failure.Err = hint, err
	return failure
}

// untrusted is the failure of a server whose certificate does not hold.
func (o *origin) untrusted(err error) *Failure {
	why, hint := "no authority that this system trusts has signed it", "something between here and the cloud may be reading along, or the system's root certificates are missing"
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	expired := errors.As(err, &invalid) && invalid.Reason == x509.Expired
	switch {
	case errors.As(err, &name):
		why = "it is another server's"
	case expired:
		why, hint = "it has expired, or is not valid yet", "is the clock of this machine right?"
	case errors.As(err, &invalid):
		why = "it was not made for that"
	}
	if o.private && !expired {
		hint = "the provider's base_url or urls name the server; its certificate has to hold for that name, by an authority among the system's root certificates"
	}
	return unsent(&spec.Error{Kind: spec.KindTransport, Message: "the TLS certificate of " + o.host + " is not to be trusted: " + why, Hint: hint, Err: err})
}

// handshakeError is what came of a handshake.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

func certificate(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted)
}

// noTLS reports whether what answered a handshake does not speak TLS.
func noTLS(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record)
}

// exhausted reports whether there was no descriptor left. The resolver tells why it
// opened no socket in a text alone.
func exhausted(err error) bool {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return true
	}
	var dns *net.DNSError
	return errors.As(err, &dns) && (strings.HasSuffix(dns.Err, syscall.EMFILE.Error()) || strings.HasSuffix(dns.Err, syscall.ENFILE.Error()))
}

// timedOut reports whether a deadline is what err tells of.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// reason puts a network error in words that hold no data of the peer's.
func reason(err error) string {
	var handshake *handshakeError
	switch {
	case err == nil:
		return "unknown"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "network unreachable"
	case exhausted(err):
		return tooMany
	case timedOut(err):
		return "no answer in time"
	case noTLS(err):
		return "it does not speak TLS"
	case errors.As(err, &handshake) && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return "it closed the connection instead of a TLS handshake"
	case errors.As(err, &handshake):
		return "the TLS handshake failed"
	}
	return "connection failed"
}
