package lambdalabs

import (
	"slices"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

const (
	scriptHead = "#!/bin/bash\n# Written by Atlas."
	volumePath = "/var/lib/atlas/volume" // volume_gb on the machine's disk
)

// userData is what cloud-init gets: the script that runs the container, after
// what the caller brings in provider_opts.user_data. Where there are both, a
// cloud-config archive holds them; JSON is YAML.
func userData(l *launch, gpus bool) string {
	own := l.option("user_data")
	if l.request.Image == "" {
		return own
	}
	script := script(l, gpus)
	if own == "" {
		return script
	}
	w := jsonx.Writer{Buf: []byte("#cloud-config-archive\n")}
	w.Open('[')
	for _, part := range []string{own, script} {
		w.Open('{')
		w.Key("content")
		w.Text(part)
		w.Close('}')
	}
	w.Close(']')
	return string(w.Buf)
}

// script runs the container once the machine has booted, and docker runs it
// again whenever the machine restarts. Pulling is tried several times, because
// the network may come up late, and so is running, because the driver may.
func script(l *launch, gpus bool) string {
	s := l.request
	run := []string{"docker", "run", "--detach", "--name", "atlas", "--restart", "unless-stopped", "--ipc", "host", "--ulimit", "memlock=-1"}
	if gpus {
		run = append(run, "--gpus", "all")
	}
	for _, p := range s.Ports {
		// Port 22 of the machine is its own sshd.
		if number := strconv.Itoa(p.Internal); p.Internal != sshPort && !slices.Contains(run, number+":"+number) {
			run = append(run, "--publish", number+":"+number)
		}
	}
	mount := s.VolumeMountPath
	if mount == "" {
		mount = defaultMountPath
	}
	switch {
	case l.volume.id != "":
		run = append(run, "--volume", l.volume.at+":"+mount)
	case s.VolumeGB > 0:
		run = append(run, "--volume", volumePath+":"+mount)
	}
	keys := make([]string, 0, len(s.Env))
	for key := range s.Env {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		run = append(run, "--env", key+"="+s.Env[key])
	}
	arguments := s.Command
	if len(s.Entrypoint) > 0 {
		// Docker takes one word; the others go before the command.
		run = append(run, "--entrypoint", s.Entrypoint[0])
		arguments = append(slices.Clone(s.Entrypoint[1:]), s.Command...)
	}
	run = append(append(run, s.Image), arguments...)

	var b strings.Builder
	b.WriteString(scriptHead + ` It runs the machine's container; provider_opts.user_data runs before it.
exec >>/var/log/atlas.log 2>&1
umask 077
command -v docker || { apt-get update && apt-get install -y docker.io; }
for n in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 5; done
mkdir -p ` + volumePath + `
for n in 1 2 3 4 5 6; do docker pull ` + quote(s.Image) + ` && break; sleep 10; done
for n in 1 2 3 4 5 6; do
  docker rm --force atlas >/dev/null 2>&1
`)
	b.WriteString(" ")
	for _, word := range run {
		b.WriteString(" " + quote(word))
	}
	b.WriteString(" && break\n  sleep 10\ndone\n")
	return b.String()
}

// quote makes one word of the shell's of any text.
func quote(text string) string {
	if text != "" && strings.IndexFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_./:=,@", c)
	}) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// secretsOf lists what of a launch no error may repeat: the values of the
// environment, the command, and what the caller hands to cloud-init, each also
// as the script and as JSON spell it.
func secretsOf(l *launch) []string {
	s := l.request
	values := make([]string, 0, len(s.Env)+len(s.Command)+len(s.Entrypoint)+1)
	for _, value := range s.Env {
		values = append(values, value)
	}
	values = append(append(values, s.Command...), s.Entrypoint...)
	if own := l.option("user_data"); own != "" {
		values = append(values, own)
		for line := range strings.Lines(own) {
			values = append(values, strings.TrimSpace(line))
		}
	}
	all := values
	for _, value := range values {
		for _, spelt := range []string{strings.ReplaceAll(value, "'", `'\''`), inner(value)} {
			if spelt != value {
				all = append(all, spelt, inner(spelt))
			}
		}
	}
	return slices.DeleteFunc(all, func(value string) bool { return value == "" })
}

// inner is the inside of a JSON string.
func inner(text string) string {
	quoted := string(jsonx.AppendString(nil, text))
	return quoted[1 : len(quoted)-1]
}
