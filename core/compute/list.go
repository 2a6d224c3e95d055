package compute

import (
	"context"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// maxPages bounds a listing: no account is so large, so the cloud's pages do not
// end.
const maxPages = 10_000

// List lists the account's machines. Filters are applied here, on the normalized
// answer.
func (s *Service) List(ctx context.Context, p *ListParams) (*spec.ComputeList, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	native := ""
	if p.GPU != "" {
		var wrong *spec.Error
		if native, wrong = s.Catalog.Native(a.Manifest, p.GPU); wrong != nil {
			return nil, wrong
		}
	}
	kept, known := []spec.Compute{}, map[string]bool{}
	request := func(cursor string) any {
		return &spec.ListRequest{Status: p.Status, Name: p.Name, Region: p.Region, GPU: native, Cursor: cursor}
	}
	err = s.pages(ctx, &a, spec.OpList, request, p.IncludeRaw, func(items []spec.Compute) error {
		for i := range items {
			c := &items[i]
			s.normalize(&a, c, p.IncludeRaw)
			if known[c.ID] && c.ID != "" { // a listing that moves while it is read shows what is at the edge of a page twice
				continue
			}
			known[c.ID] = true
			if (p.Status == "" || c.Status == p.Status) && (p.Name == "" || c.Name == p.Name) &&
				(p.Region == "" || c.Region == p.Region) && (native == "" || c.GPUNative == native || c.GPUType == p.GPU) {
				kept = append(kept, *c)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &spec.ComputeList{Items: kept}, nil
}

// Page lists some thousand of the account's machines: from the start where cursor
// is empty, otherwise from where next said that the rest begins. next is empty
// after the last ones.
func (s *Service) Page(ctx context.Context, at provider.Target, cursor string) (items []spec.Compute, next string, err error) {
	a, err := s.Directory.At(ctx, at)
	if err != nil {
		return nil, "", err
	}
	page, err := provider.Do[spec.ComputePage](ctx, s.Backend, a, spec.OpList, &spec.ListRequest{Cursor: cursor}, false)
	if err != nil {
		return nil, "", err
	}
	if page.Next != "" && page.Next == cursor {
		return nil, "", endless(&a, spec.OpList)
	}
	for i := range page.Items {
		s.normalize(&a, &page.Items[i], false)
	}
	return page.Items, page.Next, nil
}

// pages carries out a listing operation from its beginning to its end.
func (s *Service) pages(ctx context.Context, a *provider.Account, operation string, request func(cursor string) any, raw bool, page func([]spec.Compute) error) error {
	cursor, seen := "", map[string]bool{}
	for range maxPages {
		some, err := provider.Do[spec.ComputePage](ctx, s.Backend, *a, operation, request(cursor), raw)
		if err != nil {
			return err
		}
		if err := page(some.Items); err != nil {
			return err
		}
		if some.Next == "" {
			return nil
		}
		if seen[some.Next] { // it leads in a circle
			break
		}
		seen[some.Next] = true
		cursor = some.Next
	}
	return endless(a, operation)
}

func endless(a *provider.Account, operation string) *spec.Error {
	return &spec.Error{Kind: spec.KindProvider, Provider: a.Provider, Operation: operation, Retryable: true, Message: "the listing does not end"}
}
