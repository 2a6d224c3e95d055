package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// checkValue returns what is wrong with the value of an operation.
func checkValue(operation, provider string, value spec.Raw) string {
	switch operation {
	case spec.OpSpawn, spec.OpGet:
		return one(value, func(c *spec.Compute) string { return compute(c, provider) })
	case spec.OpStop, spec.OpStart, spec.OpTerminate:
		if strings.TrimSpace(string(value)) == "{}" {
			return ""
		}
		return one(value, func(c *spec.Compute) string { return compute(c, provider) })
	case spec.OpList, spec.OpFind:
		return one(value, func(l *spec.ComputePage) string {
			return each(l.Items, func(c *spec.Compute) string { return compute(c, provider) })
		})
	case spec.OpRunJob, spec.OpGetJob, spec.OpCancelJob:
		return one(value, func(j *spec.Job) string {
			switch {
			case j.ID == "":
				return "id is empty"
			case j.Provider != provider:
				return "provider is not " + provider
			case j.DelayMS != nil && *j.DelayMS < 0 || j.ExecutionTimeMS != nil && *j.ExecutionTimeMS < 0:
				return "a time is negative"
			}
			return ""
		})
	case spec.OpStreamJob:
		return one(value, func(c *spec.JobChunks) string {
			if c.Chunks == nil {
				return "chunks is no list"
			}
			if !slices.Contains([]spec.JobStatus{spec.JobInQueue, spec.JobInProgress, spec.JobCompleted, spec.JobFailed, spec.JobCancelled, spec.JobTimedOut}, c.Status) {
				return "status " + string(c.Status) + " is not known"
			}
			return ""
		})
	case spec.OpListGPUTypes:
		return one(value, func(l *spec.GPUTypeList) string {
			return each(l.Items, func(g *spec.GPUType) string { return gpuType(g, provider) })
		})
	case spec.OpSearchOffers:
		return one(value, func(l *spec.OfferList) string {
			return each(l.Items, func(o *spec.Offer) string { return offer(o, provider) })
		})
	case spec.OpGetBill:
		return one(value, func(b *spec.Bill) string {
			if !(b.AmountUSD >= 0 && b.AmountUSD <= 1e9) {
				return "amount_usd is no amount"
			}
			return ""
		})
	case spec.OpCleanUp:
		return one(value, func(*struct{}) string { return "" })
	case spec.OpGetLogs:
		return one(value, func(p *spec.LogsPage) string {
			if p.Lines == nil {
				return "lines is no list"
			}
			return ""
		})
	}
	return ""
}

// one decodes a value strictly and checks it.
func one[T any](value spec.Raw, check func(*T) string) string {
	var into T
	if err := strict.Compile(reflect.TypeFor[T]()).Decode(value, &into, "value"); err != nil {
		return err.Message
	}
	return check(&into)
}

func each[T any](items []T, check func(*T) string) string {
	if items == nil {
		return "items is no list"
	}
	for i := range items {
		if wrong := check(&items[i]); wrong != "" {
			return fmt.Sprintf("items[%d]: %s", i, wrong)
		}
	}
	return ""
}

func compute(c *spec.Compute, provider string) string {
	switch {
	case c.ID == "":
		return "id is empty"
	case c.Provider != provider:
		return "provider is not " + provider
	case !slices.Contains([]spec.Status{spec.StatusProvisioning, spec.StatusRunning, spec.StatusStopped, spec.StatusTerminated, spec.StatusFailed}, c.Status):
		return "status " + string(c.Status) + " is not known"
	case c.GPUCount < 0:
		return "gpu_count is negative"
	case price(c.CostPerHour) != "":
		return "cost_per_hour " + price(c.CostPerHour)
	case tier(c.CloudType) != "":
		return tier(c.CloudType)
	case c.Ports == nil:
		return "ports is no list"
	case c.Auth != nil:
		return "auth is the host's to fill in"
	case moment(c.CreatedAt) != "":
		return "created_at " + moment(c.CreatedAt)
	case moment(c.StartedAt) != "":
		return "started_at " + moment(c.StartedAt)
	}
	for i, p := range c.Ports {
		switch {
		case p.Symmetric && p.External == 0 && p.Internal == 0: // the cloud has not chosen it yet
		case p.Symmetric && p.Internal != p.External:
			return fmt.Sprintf("ports[%d] is symmetric, and %d inside is %d outside", i, p.Internal, p.External)
		case p.Internal < 1 || p.Internal > 65535:
			return fmt.Sprintf("ports[%d].internal is %d", i, p.Internal)
		case p.External < 0 || p.External > 65535:
			return fmt.Sprintf("ports[%d].external is %d", i, p.External)
		case p.Protocol != spec.ProtocolHTTP && p.Protocol != spec.ProtocolTCP:
			return fmt.Sprintf("ports[%d].protocol is %q", i, p.Protocol)
		}
	}
	if s := c.SSH; s != nil && (s.Host == "" || s.Port < 1 || s.Port > 65535) {
		return "ssh has no host, or a port that is none"
	}
	for _, action := range c.Actions {
		if !slices.Contains([]string{spec.ActionStart, spec.ActionStop, spec.ActionRestart, spec.ActionTerminate}, action) {
			return "action " + action + " is not known"
		}
	}
	return raw(c.Raw)
}

func gpuType(g *spec.GPUType, provider string) string {
	switch {
	case g.ID == "":
		return "id is empty"
	case g.Provider != provider:
		return "provider is not " + provider
	case price(g.PricePerHour) != "":
		return "price_per_hour " + price(g.PricePerHour)
	case price(g.SpotPricePerHour) != "":
		return "spot_price_per_hour " + price(g.SpotPricePerHour)
	case g.MemoryGB < 0 || g.MaxCount < 0:
		return "memory_gb or max_count is negative"
	case tier(g.CloudType) != "":
		return tier(g.CloudType)
	case !stock(g.Stock):
		return "stock " + string(g.Stock) + " is not known"
	}
	return raw(g.Raw)
}

func offer(o *spec.Offer, provider string) string {
	switch {
	case o.Provider != provider:
		return "provider is not " + provider
	case o.ID == "" && o.GPUNative == "" && o.GPUCount > 0:
		return "it has neither id nor gpu_native, so that nobody can take it"
	case o.GPUCount < 0 || o.GPUMemoryGB < 0 || o.MemoryGB < 0 || o.DiskGB < 0 || o.VCPUCount < 0 || o.DirectPorts < 0:
		return "a number is negative"
	case price(&o.PricePerHour) != "":
		return "price_per_hour " + price(&o.PricePerHour)
	case o.Reliability != nil && (*o.Reliability < 0 || *o.Reliability > 1):
		return "reliability is not between 0 and 1"
	case tier(o.CloudType) != "":
		return tier(o.CloudType)
	case !stock(o.Stock):
		return "stock " + string(o.Stock) + " is not known"
	}
	return raw(o.Raw)
}

// dearest is the highest price that can be one.
const dearest = 1e6

func price(usd *float64) string {
	if usd == nil || *usd >= 0 && *usd <= dearest {
		return ""
	}
	return fmt.Sprintf("is %g", *usd)
}

func tier(t spec.CloudType) string {
	if t == "" || t == spec.CloudSecure || t == spec.CloudCommunity {
		return ""
	}
	return "cloud_type " + string(t) + " is neither secure nor community"
}

func stock(s spec.Stock) bool {
	return slices.Contains([]spec.Stock{spec.StockHigh, spec.StockMedium, spec.StockLow, spec.StockUnavailable, spec.StockUnknown}, s)
}

func moment(text string) string {
	if text == "" {
		return ""
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !strings.HasSuffix(text, "Z") || at.Year() < 2000 {
		return "is " + text + ", which is no RFC 3339 time in UTC"
	}
	return ""
}

func raw(r spec.Raw) string {
	if len(r) > 0 && !json.Valid(r) {
		return "raw is no JSON"
	}
	return ""
}
