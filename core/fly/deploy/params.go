package deploy

import "github.com/exatlas/atlas/core/spec"

// Params of fly.deploy.run and fly.deploy.stream.
type Params struct {
	Ticket      string            `json:"ticket" maxlen:"64" doc:"Names the deploy for others in this process: the topic fly.deploy:<ticket> follows it. Letters, digits, dots, dashes and underscores. Absent: fly.deploy.stream numbers it, and fly.deploy.run cannot be followed."`
	Path        string            `json:"path" default:"." doc:"Folder to deploy: that of fly.toml."`
	App         string            `json:"app" maxlen:"63" doc:"App to deploy, where the configuration does not name it."`
	Config      string            `json:"config" doc:"Configuration file, where it is not fly.toml in the folder."`
	Image       string            `json:"image" doc:"Image to deploy instead of building one."`
	Dockerfile  string            `json:"dockerfile" doc:"Dockerfile to build."`
	BuildTarget string            `json:"build_target" doc:"Stage of the Dockerfile to build."`
	BuildArgs   map[string]string `json:"build_args" doc:"Build arguments. Not for secrets: other users of the machine can read them."`
	Env         map[string]string `json:"env" doc:"Variables of the machines. Not for secrets: set those with fly secrets."`
	Strategy    string            `json:"strategy" enum:"canary,rolling,bluegreen,immediate" doc:"How machines are replaced. Absent: as the configuration says."`
	Regions     []string          `json:"regions" doc:"Deploys to machines of these regions alone."`
	LocalOnly   bool              `json:"local_only" doc:"Builds with this machine's Docker; otherwise Fly builds (--remote-only)."`
	NoCache     bool              `json:"no_cache" doc:"Builds everything anew."`
	Detach      bool              `json:"detach" doc:"Does not wait until the machines are replaced. Some versions of flyctl wait all the same."`
	HA          *bool             `json:"ha" default:"true" doc:"Whether a new app gets a spare machine."`
	WaitMS      int64             `json:"wait_timeout_ms" min:"1000" max:"86400000" doc:"How long flyctl waits for a machine, ms. Absent: as flyctl sees fit."`
	Args        []string          `json:"args" doc:"Further flags for fly deploy. Refused among them: a token, and what names another app, which app, config and path do."`
	IdleMS      int64             `json:"idle_timeout_ms" min:"100" max:"86400000" default:"300000" doc:"The deploy is ended when it prints nothing for so long, ms."`
	TimeoutMS   int64             `json:"timeout_ms" min:"100" max:"86400000" default:"1800000" doc:"The deploy is ended after so long, ms."`
	TailLines   int               `json:"tail_lines" min:"1" max:"1000" default:"100" doc:"How many of the last lines the result holds."`
}

// FlyDeploy is how a deploy ended.
type FlyDeploy struct {
	App        string          `json:"app,omitempty" doc:"Name of the app, where the request, FLY_APP or the configuration tells it."`
	Directory  string          `json:"directory" doc:"The folder, absolute."`
	ExitCode   int             `json:"exit_code" doc:"Exit code of flyctl: 0 when all went well, -1 when a signal ended it."`
	Signal     string          `json:"signal,omitempty" doc:"The signal that ended it, such as SIGKILL."`
	Outcome    string          `json:"outcome" enum:"succeeded,failed,idle,timeout,cancelled" doc:"How it ended: by itself, because it said nothing, took too long, or was cancelled."`
	DurationMS int64           `json:"duration_ms" doc:"How long it took, ms."`
	Lines      int64           `json:"lines" doc:"How many lines it printed."`
	Tail       []FlyDeployLine `json:"tail" doc:"The last of them."`
	Image      string          `json:"image,omitempty" doc:"The image it said it deployed."`
	URL        string          `json:"url,omitempty" doc:"The address it said the app has."`
	TokenFrom  string          `json:"token_from" enum:"manual,environment,config" doc:"Where its token came from; config is flyctl's own login."`
	Warnings   []string        `json:"warnings,omitempty" doc:"What the caller should know: a manual token that was refused, expired or could not be read, and is not the one used."`
}

// FlyDeployLine is one line of output, the data of an event line.
type FlyDeployLine struct {
	Text    string `json:"text" doc:"The line without colours and control characters."`
	Raw     string `json:"raw,omitempty" doc:"The line as it came, where that is something else and holds no token."`
	Rewrite bool   `json:"rewrite,omitempty" doc:"Whether the next line is written over it, as progress bars are."`
	Part    bool   `json:"part,omitempty" doc:"Whether it is only a part: longer than 64 KiB, or cut off by the end."`
}

// Events of a stream.
const (
	EventStarted = "started"
	EventLine    = "line"
	EventPhase   = "phase"
	EventResult  = "result" // the last event of a deploy that went well
	EventError   = "error"  // and of one that did not
)

// checkTicket refuses what is no ticket. field is what the caller calls it.
func checkTicket(field, ticket string) *spec.Error {
	right := ticket != "" && len(ticket) <= 64
	for _, c := range ticket {
		right = right && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_')
	}
	if !right {
		return problem(field+": a ticket is 1 to 64 letters, digits, dots, dashes and underscores", "")
	}
	return nil
}

// problem is a mistake in the request.
func problem(message, hint string) *spec.Error {
	return &spec.Error{Kind: spec.KindValidation, Message: message, Hint: hint}
}
