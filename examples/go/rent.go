// Command rent rents a GPU for one user, hands out its credential, runs a job
// and gives the GPU back.
//
//	RUNPOD_API_KEY=… go run ./examples/go              on RunPod: costs money
//	RUNPOD_API_KEY=any go run ./examples/go BASE_URL   on the simulator: see `exatlas sim`
//
// The job runs on the serverless endpoint RUNPOD_ENDPOINT; without it there is
// one on the simulator alone.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/exatlas/atlas"
)

func main() {
	baseURL := ""
	if len(os.Args) > 1 {
		baseURL = os.Args[1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // a machine half rented is given back
	defer stop()
	if err := run(ctx, os.Stdout, baseURL, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, baseURL string, getenv func(string) string) error {
	client, err := atlas.Open(atlas.Config{
		Settings: atlas.Settings{
			DefaultProvider: "runpod",
			Providers:       map[string]atlas.ProviderSettings{"runpod": {BaseURL: baseURL}},
		},
		Getenv: getenv, // the key is RUNPOD_API_KEY
	})
	if err != nil {
		return err
	}
	defer client.Close(-1)

	machine, err := client.Compute.Spawn(ctx, atlas.SpawnParams{
		GPU:   []string{"rtx_4090", "l40s", "h100"}, // the first that is to be had
		Image: "ghcr.io/me/inference:latest",
		Ports: []atlas.PortRequest{{Internal: 8000}},
		Auth:  atlas.AuthBearer,
	})
	if atlas.KindOf(err) == atlas.KindCapacity {
		return fmt.Errorf("no GPU is free: %w", err)
	}
	if err != nil {
		return err
	}
	endpoint := getenv("RUNPOD_ENDPOINT")
	if endpoint == "" && baseURL != "" {
		endpoint = "stream"
	}
	err = use(ctx, out, client, machine, endpoint)
	if gone := giveBack(ctx, client, machine.ID); gone != nil {
		return gone
	}
	fmt.Fprintln(out, "given back")
	return err
}

// use waits for the machine and tells what a browser needs to talk to it.
func use(ctx context.Context, out io.Writer, client *atlas.Client, machine *atlas.Spawned, endpoint string) error {
	ready, err := client.Compute.AwaitReady(ctx, atlas.AwaitParams{ID: machine.ID, TimeoutMS: 600_000})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "rented %s for $%.2f an hour\n", ready.GPUType, *ready.CostPerHour)
	fmt.Fprintf(out, "the browser calls %s\n", ready.Ports[0].URL)
	fmt.Fprintf(out, "with the header %.30s...\n", machine.Auth.Header)
	if endpoint == "" {
		return nil
	}
	return runJob(ctx, out, client, endpoint)
}

// runJob runs a serverless job and prints what its worker yields.
func runJob(ctx context.Context, out io.Writer, client *atlas.Client, endpoint string) error {
	job, err := client.Jobs.Run(ctx, atlas.RunParams{Endpoint: endpoint, Input: atlas.Raw(`{"prompt":"a sunset"}`)})
	if err != nil {
		return err
	}
	stream, err := client.Jobs.Stream(ctx, atlas.StreamParams{Endpoint: endpoint, ID: job.ID})
	if err != nil {
		return err
	}
	defer stream.Close()
	for event, err := range stream.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "the job says %s %s\n", event.Name, event.Data)
	}
	return nil
}

// giveBack ends the machine whatever happened before, also when ctx is over: it
// costs money.
func giveBack(ctx context.Context, client *atlas.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := client.Compute.Terminate(ctx, atlas.IDParams{ID: id})
	return err
}
