package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/exatlas/atlas"
)

// crowded is what many clients in one process cost, as the process tells.
type crowded struct {
	Clients   int
	ListCPU   float64 `json:"list_cpu_ms"` // a client that lists providers, the first one not counted
	ListRSS   float64 `json:"list_rss_mb"`
	ListS     float64 `json:"list_s"`      // all of them, the first included
	CallCPU   float64 `json:"call_cpu_ms"` // the first call of each
	CallRSS   float64 `json:"call_rss_mb"`
	Reopen    float64 `json:"reopen_cpu_ms"` // open, list and close, one after another and no other client
	ReopenRSS float64 `json:"reopen_rss_mb"` // what a round of that leaves
}

// clients measures a process with a client for each tenant: each lists the providers,
// then each looks at a machine once.
func (b *bench) clients() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var c crowded
	for range 2 { // the first fills the cache
		if err := b.child(&c, self, "-crowd", b.config, "-machine", b.cloud.pod); err != nil {
			return err
		}
	}
	of := " of " + strconv.Itoa(c.Clients) + " clients"
	b.tell(figure{Name: "clients_list_providers", Value: c.ListS, Unit: "s, open included, all" + of}.within("under 3", c.ListS < 3))
	b.tell(figure{Name: "client_listed_cpu", Value: c.ListCPU, Unit: "ms of a processor, each" + of})
	b.tell(figure{Name: "client_listed_memory", Value: c.ListRSS, Unit: "MB, each" + of}.within("under 2", c.ListRSS < 2))
	b.tell(figure{Name: "client_called_cpu", Value: c.CallCPU, Unit: "ms of a processor more for its first compute.get, each" + of})
	b.tell(figure{Name: "client_called_memory", Value: c.ListRSS + c.CallRSS, Unit: "MB after its first compute.get, each" + of}.within("under 10", c.ListRSS+c.CallRSS < 10))
	b.tell(figure{Name: "client_alone_again", Value: c.Reopen, Unit: "ms of a processor to open a client, list providers and close it, nobody else there"})
	b.tell(figure{Name: "client_alone_leaves", Value: c.ReopenRSS, Unit: "MB that such a round leaves"})
	return nil
}

// crowd opens clients and prints what they cost.
func crowd(config, machine string) error {
	const clients, rounds, warm = 100, 40, 10
	list := []byte(`{"method":"providers.list"}`)
	get := []byte(`{"method":"compute.get","params":{"id":` + strconv.Quote(machine) + `}}`)
	all := make([]*atlas.Client, 0, clients)
	each := func(from int, request []byte) error {
		for _, client := range all[from:] {
			if _, err := answered(client.CallJSON(request)); err != nil {
				return err
			}
		}
		return nil
	}
	more := func(n int) error {
		for range n {
			client, err := openStored(config)
			if err != nil {
				return err
			}
			all = append(all, client)
			if err := each(len(all)-1, list); err != nil {
				return err
			}
		}
		return nil
	}
	c := crowded{Clients: clients}
	began := time.Now()
	if err := more(1); err != nil {
		return err
	}
	memory, cpu := settled(), used()
	per := float64(clients - 1)
	if err := more(clients - 1); err != nil {
		return err
	}
	c.ListS = time.Since(began).Seconds()
	c.ListCPU = (used() - cpu).Seconds() * 1e3 / per
	listed := settled()
	c.ListRSS = (listed - memory) / per
	cpu = used()
	if err := each(0, get); err != nil {
		return err
	}
	c.CallCPU = (used() - cpu).Seconds() * 1e3 / float64(clients)
	c.CallRSS = (settled() - listed) / float64(clients)
	for _, client := range all {
		client.Close(time.Second)
	}
	for n := range warm + rounds {
		if n == warm {
			memory, cpu = settled(), used()
		}
		all = all[:0]
		if err := more(1); err != nil {
			return err
		}
		if outcome := all[0].Close(5 * time.Second); outcome != atlas.OK {
			return fmt.Errorf("close: %d", outcome)
		}
	}
	c.Reopen = (used() - cpu).Seconds() * 1e3 / rounds
	c.ReopenRSS = (settled() - memory) / rounds
	return json.NewEncoder(os.Stdout).Encode(c)
}

// settled is the resident memory, MB, once what nobody needs has been given back.
func settled() float64 {
	debug.FreeOSMemory()
	return resident("VmRSS")
}
