package atlas

import (
	"context"

	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
)

// plugins carries out the providers methods on the host.
type plugins struct {
	host      *host.Host
	directory *provider.Directory
	settings  Settings
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
	info, err := p.host.Reload(ctx, name)
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
		SHA256: info.SHA256, Capabilities: m.Capabilities, Operations: m.Operations, Hosts: m.Hosts,
		Credential: dispatch.ProviderCredential{Env: provider.Variables(info.Name, m), Configured: m.Credential == nil || p.directory.Configured(info.Name, m)}}
	if narrowed := p.settings.Providers[info.Name].Hosts; len(narrowed) > 0 {
		out.Hosts = narrowed
	}
	if m.API != (spec.API{}) {
		api := m.API
		out.API = &api
	}
	return out
}
