//go:build !linux

package process

import (
	"context"

	"github.com/exatlas/atlas/core/spec"
)

func run(context.Context, *Command) (Result, *spec.Error) {
	return Result{}, &spec.Error{Kind: spec.KindUnsupported, Message: "child processes are not supported on this system", Hint: "run it on Linux"}
}
