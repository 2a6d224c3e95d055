package atlas

import (
	"context"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
)

// plugins carries out the providers methods on the host.
type plugins struct {
	host      *host.Host
	directory *provider.Directory
}

func (p *plugins) List(ctx context.Context) ([]dispatch.ProviderInfo, error) {
	infos := p.host.Infos(ctx)
	out := make([]dispatch.ProviderInfo, 0, len(infos))
	for _, info := range infos {
		m, err := p.host.Manifest(ctx, info.Name)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			out = append(out, dispatch.ProviderInfo{Name: info.Name, Source: info.Source, Path: info.Path, SHA256: info.SHA256,
				Capabilities: []spec.Capability{}, Operations: []string{}, Hosts: []string{},
				Credential: dispatch.ProviderCredential{Env: []string{}}, Error: spec.AsError(err)})
			continue
		}
		out = append(out, *p.describe(info, m))
	}
	return out, nil
}

func (p *plugins) Capabilities(ctx context.Context, name string) (*dispatch.Capabilities, error) {
	m, err := p.directory.Manifest(ctx, name)
	if err != nil {
		return nil, err
	}
	return &dispatch.Capabilities{Provider: name, Capabilities: m.Capabilities}, nil
}

func (p *plugins) Load(ctx context.Context, path, sha256 string) (*dispatch.ProviderInfo, error) {
	info, err := p.host.Load(ctx, path, sha256)
	return p.loaded(ctx, info, err)
}

func (p *plugins) Reload(ctx context.Context, name string) (*dispatch.ProviderInfo, error) {
	if err := p.directory.Known(name); err != nil {
		return nil, err
	}
	info, err := p.host.Reload(ctx, provider.Cloud(name))
	return p.loaded(ctx, info, err)
}

func (p *plugins) loaded(ctx context.Context, info host.Info, err error) (*dispatch.ProviderInfo, error) {
	if err != nil {
		return nil, err
	}
	p.directory.Forget(info.Name)
	m, err := p.host.Manifest(ctx, info.Name)
	if err != nil {
		return nil, err
	}
	return p.describe(info, m), nil
}

func (p *plugins) describe(info host.Info, m *spec.Manifest) *dispatch.ProviderInfo {
	out := &dispatch.ProviderInfo{Name: info.Name, Version: m.Version, ABI: m.ABI, Description: m.Description, Source: info.Source, Path: info.Path,
		SHA256: info.SHA256, Capabilities: m.Capabilities, Operations: m.Operations,
		Hosts: info.Rights.Hosts, Narrowed: info.Rights.Narrowed, Addresses: info.Rights.Operator, Pinned: info.Pinned, Limits: p.limits(&info),
		Credential: dispatch.ProviderCredential{Env: provider.Variables(info.Name, m), Configured: m.Credential == nil || p.directory.Configured(info.Name, m), Accounts: p.directory.Further(info.Name)}}
	if m.API != (spec.API{}) {
		api := m.API
		out.API = &api
	}
	return out
}

// limits tells what a plugin's module may use.
func (p *plugins) limits(info *host.Info) *dispatch.ProviderLimits {
	l := p.host.Limits()
	return &dispatch.ProviderLimits{MemoryBytes: l.MemoryBytes, Sandboxes: info.Instances, ComputeMS: info.EntryTime.Milliseconds(),
		Requests: l.Requests, ResponseBytes: l.ResponseBytes, LogBytes: l.LogBytes}
}

// TopicProviderLogs is where lines that plugins log are told.
const TopicProviderLogs = "providers.log"

// logged tells of a line that a plugin has logged. It never waits: what a reader
// does not take in time is dropped and counted, as of every log.
func (c *Client) logged(name, level, line string) {
	data, err := json.MarshalWithOption(struct {
		Provider string `json:"provider"`
		Level    string `json:"level"`
		Line     string `json:"line"`
	}{name, level, line}, json.DisableHTMLEscape())
	if err == nil {
		_ = c.bus.Publish(context.Background(), TopicProviderLogs, events.Log, "line", data) // a closed bus has no reader
	}
}
