package dashboard

import (
	"crypto/subtle"
	"net/http"
	"strings"
)

// Access is what somebody may do.
type Access int

// The steps of access. Each includes the one before it.
const (
	None    Access = iota // nothing: every question is answered with 401
	View                  // see all sessions
	Operate               // touch and end them, pause and resume their machines
)

func (a Access) String() string { return [...]string{"none", "view", "operate"}[a] }

// Tokens gives access by bearer token. An empty token gives none.
type Tokens struct{ View, Operate string }

// Of is an Options.Access.
func (t Tokens) Of(r *http.Request) Access {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		return None
	case same(token, t.Operate):
		return Operate
	case same(token, t.View):
		return View
	}
	return None
}

func same(given, token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}
