package lambdalabs

import (
	"hash/fnv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// registeredKey is an SSH key of the account.
type registeredKey struct{ name, public string }

// key decides which SSH key goes into the machine.
func (l *launch) key() *spec.Error {
	wanted := strings.TrimSpace(l.request.SSHKey)
	if wanted == "" {
		wanted = l.env.Config[settingSSHKey]
	}
	if given := jsonx.Field(l.options, "ssh_key_names"); given != "" {
		r := jsonx.New(given)
		names := r.Texts()
		if len(names) != 1 {
			return invalid("provider_opts.ssh_key_names: Lambda takes exactly one", "")
		}
		wanted = names[0]
	}
	if wanted != "" && keyIdentity(wanted) == "" {
		l.sshKey = wanted
		return nil
	}
	keys, err := l.keys()
	if err != nil {
		return err
	}
	switch {
	case wanted != "":
		return l.register(wanted, keys)
	case len(keys) == 0:
		return invalid("the account has no SSH key, and Lambda's machines need one", "give ssh_key the text of a public key, or add one in Lambda's console")
	}
	l.sshKey = keys[0].name
	return nil
}

func (l *launch) keys() ([]registeredKey, *spec.Error) {
	got, err := ask(l.env, call{method: "GET", path: "/api/v1/ssh-keys"})
	if err != nil {
		return nil, err
	}
	var list []registeredKey
	whole := elements(got.data, func(text string) bool {
		var k registeredKey
		r := jsonx.New(text)
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "name":
				k.name = r.Text()
			case "public_key":
				k.public = r.Text()
			default:
				r.Skip()
			}
		}
		if k.name != "" {
			list = append(list, k)
		}
		return r.Done()
	})
	if !whole {
		return nil, rest.Unreadable(&got.Response, "list of SSH keys")
	}
	return list, nil
}

// register takes the registered key of that text, or registers it under a name
// that follows from it. Another spawn may register it at the same time.
func (l *launch) register(public string, keys []registeredKey) *spec.Error {
	identity := keyIdentity(public)
	if l.take(identity, keys) {
		return nil
	}
	hash := fnv.New128a()
	_, _ = hash.Write([]byte(identity))
	const digits = "0123456789abcdef"
	named := []byte("atlas-")
	for _, b := range hash.Sum(nil) {
		named = append(named, digits[b>>4], digits[b&15])
	}
	w := jsonx.Writer{}
	w.Open('{')
	w.Key("name")
	w.Text(string(named))
	w.Key("public_key")
	w.Text(public)
	w.Close('}')
	_, err := ask(l.env, call{method: "POST", path: "/api/v1/ssh-keys", body: w.Buf, aside: true})
	if err == nil {
		l.sshKey = string(named)
		return nil
	}
	if taken(err) {
		if keys, failed := l.keys(); failed == nil && l.take(identity, keys) {
			return nil
		}
	}
	return err
}

func (l *launch) take(identity string, keys []registeredKey) bool {
	for _, k := range keys {
		if keyIdentity(k.public) == identity {
			l.sshKey = k.name
			return true
		}
	}
	return false
}

// keyIdentity is the type and the key of an OpenSSH public key, without the
// comment; "" where text is none, and so the name of one.
func keyIdentity(text string) string {
	fields := strings.Fields(text)
	if len(fields) < 2 || !strings.HasPrefix(fields[1], "AAAA") {
		return ""
	}
	for _, prefix := range []string{"ssh-", "ecdsa-", "sk-"} {
		if strings.HasPrefix(fields[0], prefix) {
			return fields[0] + " " + fields[1]
		}
	}
	return ""
}
