package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// cloud is the simulated RunPod, in a process of its own, behind a proxy.
type cloud struct {
	process *exec.Cmd
	stdin   io.Closer
	url     string
	proxy   *proxy
	client  http.Client
}

func startCloud(cli string) (*cloud, error) {
	c := &cloud{process: exec.Command(cli, "sim", "--options", `{"runpod":{"provision_ms":300,"boot_ms":200,"listing_lag_ms":400,"any_key":true}}`, "runpod"), client: http.Client{Timeout: 10 * time.Second}}
	c.process.Stderr = os.Stderr
	c.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := c.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	c.stdin = stdin
	var urls map[string]string
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &urls)
	}
	if err == nil {
		c.url = urls["runpod"]
		c.proxy, err = newProxy(strings.TrimPrefix(c.url, "http://"))
	}
	if err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

func (c *cloud) end() {
	if c.proxy != nil {
		c.proxy.close()
	}
	_ = c.stdin.Close()  // the simulator ends with it
	_ = c.process.Wait() // nothing depends on how
}

// machine is one as the simulator has it, whatever its API hides.
type machine struct {
	ID string `json:"id"`
}

func (c *cloud) machines() (map[string]bool, error) {
	var list struct {
		Machines []machine `json:"machines"`
	}
	if err := c.control("GET", "machines", nil, &list); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, m := range list.Machines {
		out[m.ID] = true
	}
	return out, nil
}

// rate is what all machines cost now, USD per hour.
func (c *cloud) rate() (float64, error) {
	var bill struct {
		Now float64 `json:"usd_per_hour_now"`
	}
	err := c.control("GET", "bill", nil, &bill)
	return bill.Now, err
}

func (c *cloud) fault(rule map[string]any) error {
	return c.control("POST", "faults", rule, nil)
}

func (c *cloud) calm() error { return c.control("DELETE", "faults", nil, nil) }

func (c *cloud) control(method, what string, body, result any) error {
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(data)
	}
	r, err := http.NewRequest(method, c.url+"/_sim/"+what, sent)
	if err != nil {
		return err
	}
	answer, err := c.client.Do(r)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("the simulator answered %d to %s: %s", answer.StatusCode, what, data)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(data, result)
}
