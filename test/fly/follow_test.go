package fly

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/flycli"
)

// place is a folder with an app.
func place(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "fly.toml"), []byte(`app = "my-api"`), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// said reads a subscription to its end.
func said(t *testing.T, sub *atlas.Subscription) string {
	t.Helper()
	var all strings.Builder
	for e, err := range sub.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&all, e.Topic, e.Seq, e.Name, string(e.Data))
	}
	return all.String()
}

func TestDeploy_IsFollowedOnItsTopic(t *testing.T) {
	folder := place(t)
	client := open(t, folder, start(t, `{}`), flycli.EnvScenario+"=ok")
	join := func(topic string) *atlas.Subscription {
		sub, err := client.Events.Subscribe(t.Context(), atlas.SubscribeParams{Topic: topic, From: 1})
		if err != nil {
			t.Fatal(err)
		}
		return sub
	}
	early := join("fly.deploy:mine")
	stream, err := client.Fly.Deploy.Stream(t.Context(), atlas.FlyDeployParams{Path: folder, Ticket: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	own := said(t, stream)
	if late := said(t, join("fly.deploy:mine")); said(t, early) != own || late != own || !strings.Contains(own, `fly.deploy:mine 1 started`) || !strings.Contains(own, `"outcome":"succeeded"`) {
		t.Errorf("the starter got\n%s\nwho came late\n%s", own, late)
	}
	// Without a ticket the topic is in the answer, as ever.
	if stream, err = client.Fly.Deploy.Stream(t.Context(), atlas.FlyDeployParams{Path: folder}); err != nil || stream.Topic != "fly.deploy:1" {
		t.Fatalf("%+v %v", stream, err)
	}
	if own := said(t, stream); said(t, join("fly.deploy:1")) != own {
		t.Error("who joined got something else")
	}
	if _, err := client.Events.Subscribe(t.Context(), atlas.SubscribeParams{Topic: "fly.deploy:a b"}); spec.AsError(err).Kind != spec.KindValidation {
		t.Error(err)
	}
	if raw, _ := json.Marshal(client.Info().Live); !strings.Contains(string(raw), `"subscriptions":0`) {
		t.Errorf("%s", raw)
	}
}
