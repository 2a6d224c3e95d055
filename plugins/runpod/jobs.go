package runpod

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// Bounds of how long RunPod holds a synchronous job's answer, ms.
const (
	minWaitMS = 1000
	maxWaitMS = 300_000
)

// runJob submits a job. RunPod has no idempotency key for it, so an answer that
// got lost cannot be asked for again.
func runJob(env sdk.Env, request *spec.RunJobRequest) (*spec.Job, *spec.Error) {
	call := "/run"
	if request.WaitMS > 0 {
		var query rest.Query
		query.AddInt("wait", min(max(request.WaitMS, minWaitMS), maxWaitMS))
		call = "/runsync" + query.String()
	}
	url, err := jobURL(env, request.Endpoint, call)
	if err != nil {
		return nil, err
	}
	options := string(request.Options)
	if options != "" && !jsonx.IsObject(options) {
		return nil, invalid("provider_opts is no object")
	}
	policy := string(request.Policy)
	if policy != "" && !jsonx.IsObject(policy) {
		return nil, invalid("policy is no object")
	}
	response, err := ask(env, "POST", url, jobBody(request, policy, options))
	if err != nil {
		if err.Status == 400 && err.Kind == spec.KindValidation { // a job is queued whatever is free: it is no shortage
			err.Hint = "RunPod does not take the job's fields; it takes policy.execution_timeout_ms from 5000 and policy.ttl_ms from 10000, both to 604800000 (7 days)"
		}
		return nil, err
	}
	return toJob(env, request.Endpoint, &response)
}

func jobBody(request *spec.RunJobRequest, policy, options string) []byte {
	w := jsonx.Writer{Buf: make([]byte, 0, len(request.Input)+256)}
	w.Open('{')
	w.Key("input")
	if len(request.Input) == 0 {
		w.Raw([]byte("{}")) // RunPod refuses a job without input
	} else {
		w.Raw(request.Input)
	}
	w.TextField("webhook", request.Webhook)
	if policy != "" {
		w.Key("policy")
		writePolicy(&w, policy)
	}
	w.Close('}')
	if options == "" {
		return w.Buf
	}
	return jsonx.Merge(make([]byte, 0, len(w.Buf)+len(options)), string(w.Buf), options)
}

// writePolicy writes the policy in RunPod's words. Members that are RunPod's own
// already go through as they are.
func writePolicy(w *jsonx.Writer, policy string) {
	w.Open('{')
	r := jsonx.New(policy)
	for more := r.Object(); more; more = r.NextMember() {
		key := r.Key()
		value := r.Raw()
		if value == "" {
			continue
		}
		switch key {
		case "execution_timeout_ms":
			key = "executionTimeout"
		case "ttl_ms":
			key = "ttl"
		case "low_priority":
			key = "lowPriority"
		}
		w.Name(key)
		w.Raw([]byte(value))
	}
	w.Close('}')
}

func getJob(env sdk.Env, request *spec.JobRequest) (*spec.Job, *spec.Error) {
	return askJob(env, request, "GET", "/status/")
}

func cancelJob(env sdk.Env, request *spec.JobRequest) (*spec.Job, *spec.Error) {
	return askJob(env, request, "POST", "/cancel/")
}

func askJob(env sdk.Env, request *spec.JobRequest, method, call string) (*spec.Job, *spec.Error) {
	response, err := askAboutJob(env, request, method, call)
	if err != nil {
		return nil, err
	}
	return toJob(env, request.Endpoint, &response)
}

func askAboutJob(env sdk.Env, request *spec.JobRequest, method, call string) (sdk.Response, *spec.Error) {
	if request.ID == "" {
		return sdk.Response{}, invalid("id is empty")
	}
	url, err := jobURL(env, request.Endpoint, call+rest.Escape(request.ID))
	if err != nil {
		return sdk.Response{}, err
	}
	response, err := ask(env, method, url, nil)
	if err != nil && err.Kind == spec.KindNotFound {
		err.Hint = "RunPod keeps a result for 30 minutes after an asynchronous job and one minute after a synchronous one, and drops a job when its ttl is over"
	}
	return response, err
}

// streamJob takes what the worker yielded since the last read. RunPod answers
// with an object, or, as its documentation has it, with a bare list that does
// not tell whether the job is over: then the job itself is asked.
func streamJob(env sdk.Env, request *spec.JobRequest) (*spec.JobChunks, *spec.Error) {
	response, err := askAboutJob(env, request, "GET", "/stream/")
	if err != nil {
		return nil, err
	}
	chunks := &spec.JobChunks{Status: spec.JobInProgress, Chunks: []spec.Raw{}}
	r := jsonx.New(response.Body)
	bare := r.Kind() == jsonx.Array
	told := bare
	switch {
	case bare:
		chunks.Chunks = readChunks(&r)
	case r.Kind() == jsonx.Object:
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "status":
				chunks.Status, told = jobStatus(r.Text()), true
			case "stream":
				chunks.Chunks, told = readChunks(&r), true
			default:
				r.Skip()
			}
		}
	default:
		return nil, rest.Unreadable(&response, "stream of a job")
	}
	if !r.Done() || !told { // an answer that tells nothing would be asked for again for ever
		return nil, rest.Unreadable(&response, "stream of a job")
	}
	if bare && len(chunks.Chunks) == 0 {
		job, err := getJob(env, request)
		if err != nil {
			return nil, err
		}
		chunks.Status = job.Status
	}
	return chunks, nil
}

// readChunks reads a list of {"output":…}. An element of another shape is passed
// on whole: what a worker yielded is not lost for its looks.
func readChunks(r *jsonx.Reader) []spec.Raw {
	chunks := []spec.Raw{}
	for more := r.Array(); more; more = r.NextElement() {
		element := r.Raw()
		if element == "" {
			continue
		}
		if jsonx.Has(element, "output") {
			element = jsonx.Field(element, "output")
		}
		if element == "" {
			element = "null"
		}
		chunks = append(chunks, spec.Raw(element))
	}
	return chunks
}

func jobURL(env sdk.Env, endpoint, call string) (string, *spec.Error) {
	if endpoint == "" {
		return "", invalid("endpoint is empty")
	}
	return address(env, "jobs", defaultJobs) + "/v2/" + rest.Escape(endpoint) + call, nil
}
