package lambda

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// image is one machine image: each family has one for each region and
// architecture.
type image struct{ id, family, version, arch, region string }

func images() []image {
	var list []image
	families := []struct{ family, version string }{{"lambda-stack-24-04", "24.04.3"}, {"lambda-stack-22-04", "22.04.9"}, {"ubuntu-lts", "24.04.01"}}
	for _, region := range []string{"us-west-1", "us-west-2", "us-east-1", "us-east-3", "us-south-1", "us-south-2", "europe-central-1", "asia-northeast-1"} {
		for _, f := range families {
			if region == "us-south-2" && f.family == "lambda-stack-24-04" {
				continue // not every region has every family
			}
			for _, arch := range []string{"x86_64", "arm64"} {
				list = append(list, image{fmt.Sprintf("43336648-096d-4cba-9aa2-%012x", len(list)+1), f.family, f.version, arch, region})
			}
		}
	}
	return list
}

func (c *Cloud) listImages(ctx *fasthttp.RequestCtx, _ *simkit.Account, _ string) {
	b := append(make([]byte, 0, 16<<10), '[')
	for i, m := range c.images {
		if i > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendString(append(b, `{"id":`...), m.id)
		b = append(b, `,"created_time":"2026-03-01T00:00:00Z","updated_time":"2026-09-01T00:00:00Z","name":`...)
		b = simkit.AppendString(b, m.family+" "+m.version)
		b = append(b, `,"description":"Simulated","family":`...)
		b = simkit.AppendString(b, m.family)
		b = simkit.AppendString(append(b, `,"version":`...), m.version)
		b = simkit.AppendString(append(b, `,"architecture":`...), m.arch)
		b = append(appendRegion(append(b, `,"region":`...), m.region), '}')
	}
	answer(ctx, append(b, ']'))
}

// bootable tells whether a region has an image, by identifier or family, that a
// type can boot.
func (c *Cloud) bootable(id, family, region, arch string) bool {
	for _, m := range c.images {
		if m.region == region && m.arch == arch && (id != "" && m.id == id || id == "" && m.family == family) {
			return true
		}
	}
	return false
}
