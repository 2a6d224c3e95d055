package vast

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// What Vast accepts in a create.
const (
	maxImage = 1024
	maxLabel = 256
	maxText  = 4048  // of a start script; with arguments 4096 together
	maxEntry = 256   // characters of a name or a value in the environment
	maxEnv   = 32768 // of all of them
	maxPorts = 64
	leastBid = 0.001
	mostBid  = 128
)

// labelMark stands between a name and a request id in a label.
const labelMark = " atlas:"

// check finds what Vast would refuse, or would quietly not do.
func check(s *spec.SpawnRequest) *spec.Error {
	options := string(s.Options)
	if options != "" && !jsonx.IsObject(options) {
		return invalid("provider_opts is no object")
	}
	for _, taken := range [...][2]string{{"price", "bid_per_hour"}, {"disk", "container_disk_gb"}, {"label", "name"}, {"template_hash_id", "template_id"}} {
		if jsonx.Has(options, taken[0]) {
			return &spec.Error{Kind: spec.KindValidation, Message: "provider_opts holds " + taken[0], Hint: "give it as " + taken[1]}
		}
	}
	switch {
	case s.CPU != nil:
		return unsupported("Vast.ai rents machines with GPUs only", "name a gpu, or choose another provider")
	case s.NetworkVolumeID != "":
		return unsupported("a volume at Vast.ai lives on one host and cannot be asked for apart from it", "leave network_volume_id out; a machine's disk outlives a stop")
	case s.VolumeMountPath != "":
		return unsupported("a machine of Vast.ai has one disk, at its root", "leave volume_mount_path out; the whole disk outlives a stop")
	case len(s.Entrypoint) > 0:
		return unsupported("Vast.ai cannot replace an image's entry point", "give command, which is handed to the image's own entry point, or build an image")
	case s.Name == "":
		return invalid("name is empty")
	case s.GPU == "" && s.OfferID == "":
		return invalid("neither gpu nor offer_id is given")
	case s.Image == "" && s.TemplateID == "" && !jsonx.Has(options, "image"):
		return invalid("neither image nor template_id is given")
	case len(s.Image) > maxImage:
		return invalid("image is longer than " + strconv.Itoa(maxImage) + " bytes")
	case len(label(s)) > maxLabel:
		return invalid("name is longer than " + strconv.Itoa(maxLabel-len(labelMark)-len(s.RequestID)) + " bytes")
	case len(s.Ports) > maxPorts:
		return invalid("more than " + strconv.Itoa(maxPorts) + " ports")
	case s.SSHKey != "" && !strings.Contains(s.SSHKey, " "):
		return &spec.Error{Kind: spec.KindValidation, Message: "ssh_key is no public key", Hint: "give the text of the key, such as ssh-ed25519 AAAA…; keys at Vast.ai have no names"}
	case s.SSHKey != "" && len(script(s.Command)) > maxText, commandSize(s.Command) > maxText:
		return invalid("command is longer than " + strconv.Itoa(maxText) + " bytes")
	case s.BidPerHour != 0 && (s.BidPerHour < leastBid || s.BidPerHour > mostBid):
		return invalid("bid_per_hour is not between 0.001 and 128")
	}
	for key := range s.Env {
		if strings.HasPrefix(key, "-") {
			return invalid("env holds a name that begins with a dash, which Vast.ai reads as an option of docker")
		}
	}
	if err := checkEnvironment(s); err != nil {
		return err
	}
	if s.OfferID != "" {
		return checkID("offer_id", s.OfferID)
	}
	return nil
}

// checkEnvironment finds what of a create's environment is too long for Vast. By its
// document an entry is; a name and a value that only together are so may pass.
func checkEnvironment(s *spec.SpawnRequest) *spec.Error {
	sum := 0
	text := string(environment(s))
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		name := r.Key()
		value := r.Text()
		sum += utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
		switch {
		case utf8.RuneCountInString(name) > maxEntry:
			return invalid("env holds a name that is longer than " + strconv.Itoa(maxEntry) + " characters, the most that Vast.ai takes")
		case utf8.RuneCountInString(value) > maxEntry:
			return &spec.Error{Kind: spec.KindValidation, Message: "env." + name + " is longer than " + strconv.Itoa(maxEntry) + " characters, the most that Vast.ai takes",
				Hint: "give it in parts, or let the image fetch it"}
		}
	}
	if sum > maxEnv {
		return invalid("env is longer than " + strconv.Itoa(maxEnv) + " characters, the most that Vast.ai takes")
	}
	return nil
}

// disk is what a create asks for.
func disk(s *spec.SpawnRequest) int { return diskOf(s.ContainerDiskGB + s.VolumeGB) }

// label is what a machine can be found by: its name, and its request id where
// the name does not hold it.
func label(s *spec.SpawnRequest) string {
	if s.RequestID == "" || strings.Contains(s.Name, s.RequestID) {
		return s.Name
	}
	return s.Name + labelMark + s.RequestID
}

// createBody writes the body of a create. provider_opts go in last and win,
// member by member; only the environment is merged by name, since it carries the
// request id. With cancel_unavail a machine that cannot start at once is refused
// rather than left stopped.
func createBody(s *spec.SpawnRequest, price float64) []byte {
	w := jsonx.Writer{Buf: make([]byte, 0, 512)}
	w.Open('{')
	w.TextField("client_id", "me")
	w.TextField("image", s.Image)
	w.TextField("template_hash_id", s.TemplateID)
	w.TextField("label", label(s))
	w.Key("disk")
	w.Int(int64(disk(s)))
	switch {
	case s.SSHKey != "":
		w.TextField("runtype", "ssh_direct")
		w.TextField("onstart", script(s.Command))
	case len(s.Command) > 0 || s.TemplateID == "":
		w.TextField("runtype", "args")
		w.TextsField("args", s.Command)
	}
	w.FloatField("price", price)
	w.TextField("target_state", "running")
	w.BoolField("cancel_unavail", true)
	w.Close('}')
	body := w.Buf
	if len(s.Options) > 0 {
		body = jsonx.Merge(make([]byte, 0, len(body)+len(s.Options)), string(body), string(s.Options))
	}
	return jsonx.Merge(make([]byte, 0, len(body)+256), string(body), `{"env":`+string(environment(s))+`}`)
}

// environment is the machine's environment, with its ports as the options of
// docker that Vast reads there: what was asked for, the one in provider_opts upon
// it, and what Atlas finds the machine by, which nothing overrides.
func environment(s *spec.SpawnRequest) []byte {
	base := make(map[string]string, len(s.Env)+len(s.Ports))
	for key, value := range s.Env {
		base[key] = value
	}
	kept := make([]string, 0, len(s.Ports))
	symmetric := firstSymmetric
	for _, p := range s.Ports {
		if p.Symmetric {
			number := strconv.Itoa(symmetric)
			base["-p "+number+":"+number] = "1"
			symmetric++
			continue
		}
		number := strconv.Itoa(p.Internal)
		base["-p "+number+":"+number] = "1"
		protocol := p.Protocol
		if protocol == "" {
			protocol = spec.ProtocolHTTP
		}
		kept = append(kept, number+"/"+string(protocol))
	}
	text := jsonx.AppendMap(nil, base)
	if over := jsonx.Field(string(s.Options), "env"); over != "" {
		text = jsonx.Merge(nil, string(text), over)
	}
	own := map[string]string{}
	if s.RequestID != "" {
		own[requestIDVariable] = s.RequestID
	}
	keepPorts(own, kept)
	return jsonx.Merge(nil, string(text), string(jsonx.AppendMap(nil, own)))
}

// keepPorts writes ports into as many variables as it takes, ATLAS_PORTS,
// ATLAS_PORTS_2 and so on: an entry with its name has a limit.
func keepPorts(own map[string]string, ports []string) {
	name, count := portsVariable, 1
	for _, port := range ports {
		text := own[name]
		if text != "" && len(name)+len("=")+len(text)+len(",")+len(port) > maxEntry {
			count++
			name, text = portsVariable+"_"+strconv.Itoa(count), ""
		}
		if text != "" {
			text += ","
		}
		own[name] = text + port
	}
}

// script is a command as a line of shell.
func script(command []string) string {
	var text []byte
	for i, word := range command {
		if i > 0 {
			text = append(text, ' ')
		}
		text = append(text, '\'')
		text = append(text, strings.ReplaceAll(word, `'`, `'\''`)...)
		text = append(text, '\'')
	}
	return string(text)
}

func commandSize(command []string) int {
	size := 0
	for _, word := range command {
		size += len(word)
	}
	return size
}

// secretsOf lists the values of a create that no error may repeat: those of the
// environment and the registry's login, wherever they were given.
func secretsOf(s *spec.SpawnRequest) []string {
	values := make([]string, 0, len(s.Env)+1)
	for _, value := range s.Env {
		values = append(values, value)
	}
	r := jsonx.New(jsonx.Field(string(s.Options), "env"))
	for more := r.Object(); more; more = r.NextMember() {
		values = append(values, r.Text())
	}
	if login := jsonx.Field(string(s.Options), "image_login"); login != "" {
		r = jsonx.New(login)
		text := r.Text()
		values = append(append(values, text), strings.Fields(text)...)
	}
	return values
}
