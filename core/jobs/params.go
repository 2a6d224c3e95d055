package jobs

import (
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Mode of a job.
type Mode string

// The modes.
const (
	ModeAsync Mode = "async" // answers as soon as the job is queued
	ModeSync  Mode = "sync"  // waits for the job's end
)

// OnTimeout says what becomes of the remote job when a sync run's time is up.
type OnTimeout string

// The choices.
const (
	TimeoutCancel OnTimeout = "cancel"
	TimeoutKeep   OnTimeout = "keep"
)

// Policy bounds a job at the cloud.
type Policy struct {
	ExecutionTimeoutMS int64 `json:"execution_timeout_ms,omitempty" min:"1" doc:"The cloud ends the job after running so long, ms."`
	TTLMS              int64 `json:"ttl_ms,omitempty" min:"1" doc:"The cloud drops the job so long after its submission, ms."`
	LowPriority        bool  `json:"low_priority,omitempty" doc:"The job does not start further workers."`
}

// RunParams submits a job.
type RunParams struct {
	provider.Target
	Endpoint     string    `json:"endpoint" required:"true" minlen:"1" doc:"The cloud's identifier of the serverless endpoint."`
	Input        spec.Raw  `json:"input" required:"true" doc:"What the worker gets; any JSON value."`
	Mode         Mode      `json:"mode" enum:"async,sync" default:"async" apart:"stream=run it with mode async, then read it with jobs.stream" doc:"async answers as soon as the job is queued, sync waits for its end. To get what a worker yields while it runs, run the job async and read it with jobs.stream."`
	TimeoutMS    int64     `json:"timeout_ms" min:"1" max:"86400000" default:"30000" doc:"How long sync waits, ms."`
	OnTimeout    OnTimeout `json:"on_timeout" enum:"cancel,keep" default:"cancel" doc:"What becomes of the job when that time is up, or when the call is cancelled."`
	Webhook      string    `json:"webhook" doc:"URL the cloud calls when the job ends. Needs the capability webhooks."`
	Policy       *Policy   `json:"policy" doc:"Bounds the cloud keeps."`
	ProviderOpts spec.Raw  `json:"provider_opts" type:"object" doc:"Further fields of the cloud's own request, merged last."`
	IncludeRaw   bool      `json:"include_raw" doc:"Keeps the cloud's own answer in raw."`
}

// JobParams names one job.
type JobParams struct {
	provider.Target
	Endpoint   string `json:"endpoint" required:"true" minlen:"1" doc:"The cloud's identifier of the serverless endpoint."`
	ID         string `json:"id" required:"true" minlen:"1" doc:"The cloud's identifier of the job."`
	IncludeRaw bool   `json:"include_raw" doc:"Keeps the cloud's own answer in raw."`
}

// StreamParams names the job whose output is to be streamed.
type StreamParams struct {
	provider.Target
	Endpoint string `json:"endpoint" required:"true" minlen:"1" doc:"The cloud's identifier of the serverless endpoint."`
	ID       string `json:"id" required:"true" minlen:"1" doc:"The cloud's identifier of the job."`
}
