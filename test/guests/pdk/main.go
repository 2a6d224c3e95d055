//go:build wasip1

// Command pdk is a provider written with the plain Extism PDK for Go: it blocks
// in http_request and uses encoding/json. The id of a get_compute request chooses
// what it does.
package main

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/extism/go-pdk"
)

type input struct {
	Request struct {
		ID string `json:"id"`
	} `json:"request"`
	Context struct {
		URLs map[string]string `json:"urls"`
	} `json:"context"`
}

type manifest struct {
	Name         string           `json:"name"`
	ABI          int              `json:"abi"`
	Version      string           `json:"version"`
	Capabilities []string         `json:"capabilities"`
	Hosts        []string         `json:"hosts"`
	URLs         []map[string]any `json:"urls"`
	Credential   map[string]any   `json:"credential"`
}

//go:wasmexport describe
func describe() int32 {
	err := pdk.OutputJSON(manifest{Name: "pdk", ABI: 1, Version: "1.2.3", Capabilities: []string{"gpu"}, Hosts: []string{"api.example.com"},
		URLs:       []map[string]any{{"name": "api", "url": "https://api.example.com"}},
		Credential: map[string]any{"env": []string{"PDK_API_KEY"}, "scheme": "Bearer"}})
	return result(err)
}

func result(err error) int32 {
	if err != nil {
		pdk.SetError(err)
		return 1
	}
	return 0
}

func value(text string) int32 {
	return result(pdk.OutputJSON(map[string]any{"value": map[string]string{"text": text}}))
}

//go:wasmexport get_compute
func getCompute() int32 {
	var in input
	if err := pdk.InputJSON(&in); err != nil {
		return result(err)
	}
	word, rest, _ := strings.Cut(in.Request.ID, " ")
	switch word {
	case "get":
		answer := pdk.NewHTTPRequest(pdk.MethodGet, in.Context.URLs["api"]+"/"+rest).SetHeader("accept", "application/json").Send()
		return value(strconv.Itoa(int(answer.Status())) + " " + answer.Headers()["x-request-id"] + " " + string(answer.Body()))
	case "post":
		answer := pdk.NewHTTPRequest(pdk.MethodPost, in.Context.URLs["api"]+"/").SetBody([]byte(rest)).Send()
		return value(strconv.Itoa(int(answer.Status())))
	case "many":
		n, _ := strconv.Atoi(rest)
		for range n {
			pdk.NewHTTPRequest(pdk.MethodGet, in.Context.URLs["api"]+"/").Send()
		}
		return value("sent")
	case "config":
		text, ok := pdk.GetConfig(rest)
		return value(strconv.FormatBool(ok) + " " + text)
	case "count":
		n := pdk.GetVarInt("count") + 1
		pdk.SetVarInt("count", n)
		return value(strconv.Itoa(n))
	case "flood":
		for n := 0; ; n++ {
			pdk.SetVar("v"+strconv.Itoa(n), make([]byte, 1000))
		}
	case "log":
		pdk.Log(pdk.LogWarn, rest)
		os.Stderr.WriteString("standard error: " + rest + "\n")
		return value("logged")
	case "shout":
		for range 1000 {
			os.Stdout.WriteString(strings.Repeat(rest, 100) + "\n")
		}
		return value("shouted")
	case "fail":
		return result(errors.New(rest))
	case "error":
		return result(pdk.OutputJSON(map[string]any{"error": map[string]any{"kind": "capacity", "message": rest, "status": 409, "raw": map[string]string{"a": "b"}}}))
	case "panic":
		panic(rest)
	case "exit":
		os.Exit(4)
	case "sleep":
		time.Sleep(time.Hour)
	case "deadlock":
		select {}
	case "recurse":
		return value(strconv.Itoa(depth(0)))
	case "hoard":
		var all [][]byte
		for {
			all = append(all, make([]byte, 1<<20))
		}
	case "system":
		_, file := os.ReadFile("/etc/passwd")
		_, folder := os.ReadDir("/")
		text, _ := json.Marshal(map[string]any{"file": file != nil, "folder": folder != nil, "environment": len(os.Environ()), "arguments": len(os.Args), "year": time.Now().Year() >= 2024})
		return value(string(text))
	case "echo":
		return value(rest)
	}
	return result(errors.New("what is " + word))
}

//go:noinline
func depth(n int) int { return depth(n+1) + 1 }

func main() {}
