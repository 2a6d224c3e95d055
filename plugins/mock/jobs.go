package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// runJob submits a job.
func runJob(env sdk.Env, request *spec.RunJobRequest) (*spec.Job, *spec.Error) {
	options := string(request.Options)
	if options != "" && !jsonx.IsObject(options) {
		return nil, invalid("provider_opts is no object")
	}
	if request.Endpoint == "" {
		return nil, invalid("endpoint is empty")
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(request.Input)+256)}
	w.Open('{')
	w.Key("input")
	w.Raw(request.Input)
	w.IntField("wait_ms", request.WaitMS)
	w.TextField("webhook", request.Webhook)
	w.RawField("policy", request.Policy)
	w.Close('}')
	body := w.Buf
	if options != "" {
		body = jsonx.Merge(nil, string(body), options)
	}
	response, err := ask(env, "POST", "/v1/endpoints/"+rest.Escape(request.Endpoint)+"/jobs", body)
	if err != nil {
		return nil, err
	}
	return toJob(env, &response)
}

func getJob(env sdk.Env, request *spec.JobRequest) (*spec.Job, *spec.Error) {
	return oneJob(env, request, "GET", "")
}

func cancelJob(env sdk.Env, request *spec.JobRequest) (*spec.Job, *spec.Error) {
	return oneJob(env, request, "POST", "/cancel")
}

func oneJob(env sdk.Env, request *spec.JobRequest, method, below string) (*spec.Job, *spec.Error) {
	response, err := aboutJob(env, request, method, below)
	if err != nil {
		return nil, err
	}
	return toJob(env, &response)
}

func aboutJob(env sdk.Env, request *spec.JobRequest, method, below string) (sdk.Response, *spec.Error) {
	if request.Endpoint == "" || request.ID == "" {
		return sdk.Response{}, invalid("endpoint or id is empty")
	}
	return ask(env, method, "/v1/endpoints/"+rest.Escape(request.Endpoint)+"/jobs/"+rest.Escape(request.ID)+below, nil)
}

// streamJob takes what the worker yielded since the last read.
func streamJob(env sdk.Env, request *spec.JobRequest) (*spec.JobChunks, *spec.Error) {
	response, err := aboutJob(env, request, "GET", "/stream")
	if err != nil {
		return nil, err
	}
	chunks := &spec.JobChunks{Chunks: []spec.Raw{}}
	listed := false
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "status":
			chunks.Status = jobStatus(r.Text())
		case "chunks":
			listed = r.Kind() == jsonx.Array
			for more := r.Array(); more; more = r.NextElement() {
				chunk := r.Raw()
				if chunk == "" {
					chunk = "null"
				}
				chunks.Chunks = append(chunks.Chunks, spec.Raw(chunk))
			}
		default:
			r.Skip()
		}
	}
	if !r.Done() || !listed || chunks.Status == "" {
		return nil, rest.Unreadable(&response, "stream of a job")
	}
	return chunks, nil
}

// toJob converts an answer about a job.
func toJob(env sdk.Env, response *sdk.Response) (*spec.Job, *spec.Error) {
	text := response.Body
	job := &spec.Job{Provider: name}
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			job.ID = r.Text()
		case "endpoint":
			job.Endpoint = r.Text()
		case "status":
			job.NativeStatus = r.Text()
		case "output":
			if output := r.Raw(); output != "" {
				job.Output = spec.Raw(output)
			}
		case "error":
			job.Error = r.Text()
		case "delay_ms":
			job.DelayMS = milliseconds(&r)
		case "execution_ms":
			job.ExecutionTimeMS = milliseconds(&r)
		case "worker":
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
		job.Raw = spec.Raw(text)
	}
	return job, nil
}

func milliseconds(r *jsonx.Reader) *int64 {
	value, known := r.Float()
	if !known {
		return nil
	}
	whole := int64(value)
	return &whole
}

func jobStatus(native string) spec.JobStatus {
	switch native {
	case "running":
		return spec.JobInProgress
	case "completed", "failed", "cancelled", "timed_out":
		return spec.JobStatus(native)
	}
	return spec.JobInQueue
}
