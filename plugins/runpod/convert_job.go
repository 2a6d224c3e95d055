package runpod

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// toJob converts an answer of the job API.
func toJob(env sdk.Env, endpoint string, response *sdk.Response) (*spec.Job, *spec.Error) {
	text := response.Body
	job := &spec.Job{Provider: name, Endpoint: endpoint}
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			job.ID = r.Text()
		case "status":
			job.NativeStatus = r.Text()
		case "output":
			if output := r.Raw(); output != "" {
				job.Output = spec.Raw(output)
			}
		case "error":
			job.Error = prose(&r)
		case "delayTime":
			job.DelayMS = milliseconds(&r)
		case "executionTime":
			job.ExecutionTimeMS = milliseconds(&r)
		case "workerId":
			job.WorkerID = r.Text()
		default:
			r.Skip()
		}
	}
	if !r.Done() || job.ID == "" {
		return nil, rest.Unreadable(response, "job")
	}
	job.Status = jobStatus(job.NativeStatus)
	if env.IncludeRaw {
		job.Raw = rest.Redact(text, secretMembers[:], nil)
	}
	return job, nil
}

// prose reads a text, or what stands in its place as JSON.
func prose(r *jsonx.Reader) string {
	if kind := r.Kind(); kind == jsonx.Object || kind == jsonx.Array {
		return r.Raw()
	}
	return r.Text()
}

func milliseconds(r *jsonx.Reader) *int64 {
	value, known := r.Float()
	if !known || value < 0 || value >= 1<<53 {
		return nil
	}
	whole := int64(value)
	return &whole
}

// jobStatus maps RunPod's states of a job. RUNNING is documented and not seen.
// An unknown state is not the end of a job.
func jobStatus(native string) spec.JobStatus {
	switch native {
	case "IN_PROGRESS", "RUNNING":
		return spec.JobInProgress
	case "COMPLETED":
		return spec.JobCompleted
	case "FAILED":
		return spec.JobFailed
	case "CANCELLED":
		return spec.JobCancelled
	case "TIMED_OUT":
		return spec.JobTimedOut
	}
	return spec.JobInQueue
}
