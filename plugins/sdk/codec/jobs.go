package codec

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// AppendJob appends a job.
func AppendJob(dst []byte, job *spec.Job) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("id")
	w.Text(job.ID)
	w.Key("provider")
	w.Text(job.Provider)
	w.TextField("endpoint", job.Endpoint)
	w.Key("status")
	w.Text(string(job.Status))
	w.TextField("native_status", job.NativeStatus)
	w.RawField("output", job.Output)
	w.TextField("error", job.Error)
	duration(&w, "delay_ms", job.DelayMS)
	duration(&w, "execution_time_ms", job.ExecutionTimeMS)
	w.TextField("worker_id", job.WorkerID)
	w.RawField("raw", job.Raw)
	w.Close('}')
	return w.Buf
}

// duration writes a time that may be unknown.
func duration(w *jsonx.Writer, name string, value *int64) {
	if value != nil {
		w.Key(name)
		w.Int(*value)
	}
}

// AppendJobChunks appends the answer of stream_job.
func AppendJobChunks(dst []byte, chunks *spec.JobChunks) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("status")
	w.Text(string(chunks.Status))
	w.Key("chunks")
	w.Open('[')
	for _, chunk := range chunks.Chunks {
		w.Raw(chunk)
	}
	w.Close(']')
	w.Close('}')
	return w.Buf
}

// AppendGPUTypeList appends the answer of list_gpu_types.
func AppendGPUTypeList(dst []byte, list *spec.GPUTypeList) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("items")
	w.Open('[')
	for i := range list.Items {
		gpuType(&w, &list.Items[i])
	}
	w.Close(']')
	w.Close('}')
	return w.Buf
}

func gpuType(w *jsonx.Writer, g *spec.GPUType) {
	w.Open('{')
	w.Key("id")
	w.Text(g.ID)
	w.Key("provider")
	w.Text(g.Provider)
	w.TextField("canonical", g.Canonical)
	w.TextField("display_name", g.DisplayName)
	w.FloatField("memory_gb", g.MemoryGB)
	number(w, "price_per_hour", g.PricePerHour)
	number(w, "spot_price_per_hour", g.SpotPricePerHour)
	w.Key("stock")
	w.Text(string(g.Stock))
	w.TextField("cloud_type", string(g.CloudType))
	w.IntField("max_count", int64(g.MaxCount))
	w.TextsField("regions", g.Regions)
	w.RawField("raw", g.Raw)
	w.Close('}')
}
