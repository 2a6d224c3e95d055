package spec

// JobStatus is the normalized state of a serverless job.
type JobStatus string

// The states of a job. An unknown native state maps to JobInQueue and is never
// terminal.
const (
	JobInQueue    JobStatus = "in_queue"
	JobInProgress JobStatus = "in_progress"
	JobCompleted  JobStatus = "completed"
	JobFailed     JobStatus = "failed"
	JobCancelled  JobStatus = "cancelled"
	JobTimedOut   JobStatus = "timed_out"
)

// Terminal reports whether a job in this state will never change again.
func (s JobStatus) Terminal() bool {
	switch s {
	case JobCompleted, JobFailed, JobCancelled, JobTimedOut:
		return true
	}
	return false
}

// Job is one serverless job.
type Job struct {
	ID              string    `json:"id" doc:"The cloud's identifier."`
	Provider        string    `json:"provider" doc:"Name of the provider."`
	Endpoint        string    `json:"endpoint,omitempty" doc:"Endpoint it was submitted to."`
	Status          JobStatus `json:"status" enum:"in_queue,in_progress,completed,failed,cancelled,timed_out" doc:"Normalized state."`
	NativeStatus    string    `json:"native_status,omitempty" doc:"The cloud's own word."`
	Output          Raw       `json:"output,omitempty" doc:"What the worker returned; any JSON value."`
	Error           string    `json:"error,omitempty" doc:"What the worker said of its failure."`
	DelayMS         *int64    `json:"delay_ms,omitempty" doc:"Time in the queue, ms."`
	ExecutionTimeMS *int64    `json:"execution_time_ms,omitempty" doc:"Time in the worker, ms."`
	WorkerID        string    `json:"worker_id,omitempty" doc:"Worker that ran it."`
	Raw             Raw       `json:"raw,omitempty" doc:"The cloud's own answer; only with include_raw."`
}

// RunJobRequest submits a job: run_job. With WaitMS above zero the provider uses
// the cloud's synchronous call where it has one and may answer a job that is not
// finished; the core polls on.
type RunJobRequest struct {
	Endpoint string `json:"endpoint"`
	Input    Raw    `json:"input"`
	WaitMS   int64  `json:"wait_ms,omitempty"`
	Webhook  string `json:"webhook,omitempty"`
	Policy   Raw    `json:"policy,omitempty"`  // {"execution_timeout_ms","ttl_ms","low_priority"}
	Options  Raw    `json:"options,omitempty"` // merged last into the native body
}

// JobRequest names one job: get_job, cancel_job, stream_job.
type JobRequest struct {
	Endpoint string `json:"endpoint"`
	ID       string `json:"id"`
}

// JobChunks is the answer of stream_job: what the worker yielded since the last
// read. Reading is destructive at some clouds, so the core never repeats a read
// whose answer arrived. The stream is over when Status is terminal and Chunks is
// empty.
type JobChunks struct {
	Status JobStatus `json:"status"`
	Chunks []Raw     `json:"chunks"`
}

// GPUType is one row of a cloud's catalogue: list_gpu_types.
type GPUType struct {
	ID               string    `json:"id" doc:"The cloud's identifier."`
	Provider         string    `json:"provider" doc:"Name of the provider."`
	Canonical        string    `json:"canonical,omitempty" doc:"Canonical GPU name, where one exists."`
	DisplayName      string    `json:"display_name,omitempty" doc:"The cloud's name for people."`
	MemoryGB         float64   `json:"memory_gb,omitempty" doc:"Memory of one GPU in GB."`
	PricePerHour     *float64  `json:"price_per_hour,omitempty" doc:"Lowest on-demand USD per hour for one GPU."`
	SpotPricePerHour *float64  `json:"spot_price_per_hour,omitempty" doc:"Lowest interruptible USD per hour for one GPU."`
	Stock            Stock     `json:"stock" enum:"high,medium,low,unavailable,unknown" doc:"The cloud's hint of availability; never a reservation."`
	CloudType        CloudType `json:"cloud_type,omitempty" doc:"Tier of this row."`
	MaxCount         int       `json:"max_count,omitempty" doc:"Largest number of GPUs in one machine."`
	Regions          []string  `json:"regions,omitempty" doc:"Regions that offer it now, where the cloud tells."`
	Raw              Raw       `json:"raw,omitempty" doc:"The cloud's own row; only with include_raw."`
}

// Stock is a hint of availability.
type Stock string

// The stock hints.
const (
	StockHigh        Stock = "high"
	StockMedium      Stock = "medium"
	StockLow         Stock = "low"
	StockUnavailable Stock = "unavailable"
	StockUnknown     Stock = "unknown"
)

// GPUTypeList is the answer of list_gpu_types.
type GPUTypeList struct {
	Items []GPUType `json:"items"`
}

// GPUTypesRequest asks for the catalogue: list_gpu_types.
type GPUTypesRequest struct {
	GPUCount  int       `json:"gpu_count,omitempty"`
	CloudType CloudType `json:"cloud_type,omitempty"` // empty or any: all tiers
}
