package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A session is what the story needs of orchestrator.spawn's answer.
type session struct {
	ID      string  `json:"id"`
	State   string  `json:"state"`
	Reason  string  `json:"reason"`
	Topic   string  `json:"topic"`
	Compute machine `json:"compute"`
	Auth    *struct {
		Token string `json:"token"`
	} `json:"auth"`
}

// idleAway shows a session that nobody touches.
func (d *demo) idleAway(ctx context.Context) error {
	var s session
	if err := d.into(ctx, &s, "orchestrator.spawn", d.params(time.Second), time.Minute); err != nil {
		return err
	}
	d.say("idle", "%s may idle for one second, and nobody touches it", s.Compute.ID)
	return d.followEnd(ctx, &s, "idle_timeout", "terminating", "terminated")
}

// crash rents in another process, kills that, and goes on with its session here.
func (d *demo) crash(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	victim := exec.CommandContext(ctx, self, "demo", "--victim", d.config)
	victim.Stderr = os.Stderr
	in, err := victim.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := victim.StdoutPipe()
	if err != nil {
		return err
	}
	if err := victim.Start(); err != nil {
		return err
	}
	var s session
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s)
	}
	_ = victim.Process.Kill() // SIGKILL: it can clean nothing up
	_ = victim.Wait()         // how it ended is known
	if err != nil {
		return fmt.Errorf("the other process rented nothing: %w", err)
	}
	d.say("crash", "another process rented %s and was killed at once", s.Compute.ID)
	if err := d.followEnd(ctx, &s, "idle_timeout", "taken_over", "terminating", "terminated"); err != nil {
		return err
	}
	d.fact("kept", "the dead process's session was taken over, its idle clock intact")
	return nil
}

// followEnd shows a session's events until the last one, and checks that those
// asked for are among them, in order.
func (d *demo) followEnd(ctx context.Context, s *session, reason string, wanted ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := d.call(ctx, "events.subscribe", map[string]any{"topic": s.Topic, "from": 1}, time.Minute); err != nil {
		return err
	}
	rest := wanted
	for {
		e, _, err := d.next(ctx)
		if err != nil {
			return fmt.Errorf("waiting for %s of %s: %w", rest[0], s.ID, err)
		}
		var data struct {
			Status string `json:"status"`
			Reason string `json:"reason"`
		}
		_ = json.Unmarshal(e.Data, &data) // events without these say nothing of them
		d.fact("event", strings.TrimSpace(e.Event+" "+data.Status+data.Reason))
		if len(rest) > 0 && e.Event == rest[0] {
			rest = rest[1:]
		}
		if e.Final {
			break
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("session %s ended without the event %s", s.ID, rest[0])
	}
	if err := d.into(ctx, s, "orchestrator.get", map[string]any{"id": s.ID}, time.Minute); err != nil {
		return err
	}
	if s.State != "ended" || s.Reason != reason {
		return fmt.Errorf("session %s is %s (%s), not ended (%s)", s.ID, s.State, s.Reason, reason)
	}
	return nil
}

// runVictim is the process that is killed: it rents and waits.
func runVictim(ctx context.Context, io streams, config string) error {
	c, err := connect(config)
	if err != nil {
		return err
	}
	defer c.close()
	d := &demo{connection: c, gpu: []string{"rtx_4090"}}
	answer, err := d.call(ctx, "orchestrator.spawn", d.params(3*time.Second), time.Minute)
	if err != nil {
		return err
	}
	fmt.Fprintln(io.out, string(answer))
	if _, err := bufio.NewReader(io.in).ReadByte(); err == nil || ctx.Err() != nil {
		return errors.New("the process was not killed")
	}
	return nil
}
