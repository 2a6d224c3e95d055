package jobs

import (
	"bytes"
	"slices"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// A cloud takes away what a read brings, so a read after the job's end comes back
// empty before long. Where one does not, each read brings the same chunks for ever. A
// worker may also yield the same thing twice; so after the end a read that brings what
// the one before it brought is held back until another read tells which it was.

// maxHeld bounds the reads in a row that are held back. What comes more often is what
// the cloud gives to whoever asks.
const maxHeld = 3

// tail is the end of a stream as it was read so far.
type tail struct {
	page []spec.Raw // chunks of the last read
	held int        // reads of the very same that are not handed out
}

// same reports whether a read brings what the one before it brought.
func (r *reader) same(page []spec.Raw) bool {
	return len(page) > 0 && slices.EqualFunc(page, r.tail.page, func(a, b spec.Raw) bool { return bytes.Equal(a, b) })
}

// status is the state of the job, asked for where a read that brings nothing new does
// not tell that the job is over: some streams tell it only when they are empty.
func (r *reader) status(told spec.JobStatus) spec.JobStatus {
	if told.Terminal() {
		return told
	}
	job, err := r.service.do(r.ctx, &r.account, spec.OpGetJob, &r.request, r.request.Endpoint, r.request.ID, false)
	if err != nil {
		return told // the next read fails for the same reason, or tells
	}
	return job.Status
}

// hold holds a read back, and reports whether that was so often that the stream is over.
func (r *reader) hold() bool {
	r.tail.held++
	return r.tail.held > maxHeld
}

// hand publishes the chunks of a read, after those that are held back.
func (r *reader) hand(page []spec.Raw) error {
	if err := r.release(); err != nil {
		return err
	}
	r.tail.page = page
	return r.publish(page)
}

// release publishes what is held back: the worker has yielded it, or nobody knows.
func (r *reader) release() error {
	for ; r.tail.held > 0; r.tail.held-- {
		if err := r.publish(r.tail.page); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) publish(page []spec.Raw) error {
	for _, chunk := range page {
		if err := r.service.Bus.Publish(r.ctx, r.topic, events.Data, EventChunk, encode(map[string]spec.Raw{"output": chunk})); err != nil {
			return err
		}
	}
	return nil
}
