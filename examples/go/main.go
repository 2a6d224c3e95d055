// Command rent rents a GPU for one user, shows what the browser needs, runs a
// job and gives the GPU back.
//
//	RUNPOD_API_KEY=... go run .              on RunPod: costs money
//	RUNPOD_API_KEY=any go run . BASE_URL     on the simulator: see exatlas sim
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/exatlas/atlas"
)

func main() {
	address := ""
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := rent(os.Stdout, address, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rent(out io.Writer, address string, getenv func(string) string) (err error) {
	settings := atlas.Settings{DefaultProvider: "runpod"}
	if address != "" {
		settings.Providers = map[string]atlas.ProviderSettings{"runpod": {BaseURL: address}}
	}
	client, err := atlas.Open(atlas.Config{Settings: settings, Getenv: getenv})
	if err != nil {
		return err
	}
	defer client.Close(5 * time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 11*time.Minute)
	defer cancel()
	machine, err := client.Compute.Spawn(ctx, atlas.SpawnParams{
		GPU:   []string{"rtx_4090", "l40s", "h100"}, // the first that is to be had
		Image: "ghcr.io/me/inference:latest",
		Ports: []atlas.PortRequest{{Internal: 8000}},
		Auth:  "bearer",
	})
	var failure *atlas.Error
	if errors.As(err, &failure) && failure.Kind == atlas.KindCapacity {
		return fmt.Errorf("no GPU is free: %w", err)
	}
	if err != nil {
		return err
	}
	defer func() { // whatever happened before: it costs money
		_, gone := client.Compute.Terminate(context.WithoutCancel(ctx), atlas.IDParams{ID: machine.ID})
		if err = errors.Join(err, gone); gone == nil {
			fmt.Fprintln(out, "given back")
		}
	}()
	fmt.Fprintln(out, "rented", machine.GPUType)
	ready, err := client.Compute.AwaitReady(ctx, atlas.AwaitParams{ID: machine.ID, TimeoutMS: 600_000})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the browser calls", ready.Ports[0].URL)
	fmt.Fprintf(out, "with the header %.30s...\n", machine.Auth.Header)
	job, err := client.Jobs.Run(ctx, atlas.RunParams{Endpoint: "echo", Input: atlas.Raw(`{"prompt":"hello"}`), Mode: "sync"})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the job answered %s\n", job.Output)
	return nil
}
