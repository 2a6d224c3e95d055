package lambda

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// container is what of a machine's user data matters: the docker run in it.
type container struct {
	image string
	ports []string          // published, on the machine
	env   map[string]string //
}

// readContainer reads user data as far as it runs a container.
func readContainer(data string) container {
	var c container
	if archive, ok := strings.CutPrefix(data, "#cloud-config-archive\n"); ok {
		var parts []struct {
			Content string `json:"content"`
		}
		if json.Unmarshal([]byte(archive), &parts) != nil {
			return c
		}
		for _, part := range parts {
			if one := readContainer(part.Content); one.image != "" {
				c = one
			}
		}
		return c
	}
	_, run, found := strings.Cut(data, "docker run ")
	if !found {
		return c
	}
	words := shellWords(run)
	c.env = map[string]string{}
	for len(words) > 0 {
		switch words[0] {
		case "--detach":
			words = words[1:]
		case "--publish":
			outside, _, _ := strings.Cut(words[1], ":")
			c.ports = append(c.ports, outside)
			words = words[2:]
		case "--env":
			key, value, _ := strings.Cut(words[1], "=")
			c.env[key] = value
			words = words[2:]
		case "--name", "--restart", "--ipc", "--ulimit", "--gpus", "--volume", "--entrypoint":
			words = words[2:]
		default:
			c.image = words[0]
			return c
		}
	}
	return c
}

// shellWords cuts a command into its words, up to && or the end, with the single
// quotes of a POSIX shell. Nothing is expanded.
func shellWords(text string) []string {
	var words []string
	var word strings.Builder
	begun := false
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\'':
			begun = true
			close := strings.IndexByte(text[i+1:], '\'')
			if close < 0 {
				return append(words, word.String())
			}
			word.WriteString(text[i+1 : i+1+close])
			i += close + 1
		case '\\':
			if i++; i < len(text) {
				begun = true
				word.WriteByte(text[i])
			}
		case ' ', '\t':
			end()
		case '\n', '&', ';', '|':
			end()
			return append(words, "")
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	end()
	return append(words, "")
}

// serveProxy answers /proxy/{id}/{port}/…, which stands for
// http://{ip}:{port}/…: a server in the container, where it publishes the port
// and the firewall lets the world in.
func (c *Cloud) serveProxy(ctx *fasthttp.RequestCtx, rest string) {
	id, rest, _ := strings.Cut(rest, "/")
	port, path, _ := strings.Cut(rest, "/")
	now := c.Clock.Now()
	var inside simkit.Inside
	c.mu.RLock()
	if m := c.machines[id]; m != nil && m.open(port) {
		inside.Found = slices.Contains(m.inside.ports, port)
		inside.Up = m.status(now) == "active"
		inside.Key, inside.Secret = m.inside.env["ATLAS_PRESHARED_KEY"], m.inside.env["ATLAS_SIGNING_SECRET"]
	}
	c.mu.RUnlock()
	inside.Serve(ctx, id, port, "/"+path, now)
}
