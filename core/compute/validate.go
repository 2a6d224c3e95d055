package compute

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// maxCandidates bounds the GPUs of one spawn.
const maxCandidates = 32

// candidate is one thing to ask a cloud for.
type candidate struct {
	account *provider.Account
	gpu     string // as the caller named it
	native  string
	tier    spec.CloudType
	offer   *spec.Offer // nil: not looked up
}

func wrong(field, message, hint string) error {
	return &spec.Error{Kind: spec.KindValidation, Message: "params." + field + ": " + message, Hint: hint}
}

// validate checks a spawn for any cloud, before anything is sent.
func validate(p *SpawnParams, accounts int) error {
	switch {
	case p.OfferID != "" && accounts > 1:
		return wrong("offer_id", "given with several providers", "name the provider of the offer")
	case len(p.GPU) > 0 && p.CPU != nil:
		return wrong("cpu", "given together with gpu", "give one of them")
	case len(p.GPU) == 0 && p.CPU == nil && p.OfferID == "":
		return wrong("gpu", "missing", "give gpu, such as h100, or cpu for a machine without GPUs")
	case len(p.GPU) > maxCandidates:
		return wrong("gpu", "more than "+strconv.Itoa(maxCandidates)+" names", "give fewer")
	case p.MaxPricePerHour > 0 && p.CPU != nil:
		return &spec.Error{Kind: spec.KindUnsupported, Message: "params.max_price_per_hour: the price of a machine without GPUs is not known before it is rented; nothing was sent", Hint: "leave it out"}
	case p.MaxPricePerHour > 0 && p.BidPerHour > p.MaxPricePerHour:
		return wrong("bid_per_hour", "above max_price_per_hour", "lower it")
	case p.BidPerHour > 0 && !p.Spot:
		return wrong("bid_per_hour", "given without spot", "set spot, or leave the bid out")
	case p.CPU != nil && p.GPUCount > 0:
		return wrong("gpu_count", "given together with cpu", "leave it out")
	case p.VolumeMountPath != "" && p.VolumeGB == 0 && p.NetworkVolumeID == "":
		return wrong("volume_mount_path", "given without a volume", "give volume_gb or network_volume_id with it, or leave it out")
	case p.VolumeMountPath != "" && !strings.HasPrefix(p.VolumeMountPath, "/"):
		return wrong("volume_mount_path", "not an absolute path", "start it with /")
	case strings.ContainsFunc(p.Name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return wrong("name", "holds a control character", "")
	}
	for i, name := range p.GPU {
		if name == "" {
			return wrong("gpu["+strconv.Itoa(i)+"]", "must not be empty", "")
		}
	}
	if field := decided(p); field != "" {
		return wrong(field, "given together with offer_id", "leave it out: an offer is one machine, with its GPUs, its tier and its place; offers.search shows which")
	}
	p.Ports = slices.Clone(p.Ports) // the list is its caller's, who may give it to other calls meanwhile
	if err := validatePorts(p.Ports); err != nil {
		return err
	}
	return validateEnv(p.Env)
}

// decided names a parameter that an offer decides by itself, "" where none is
// given. Whatever it said, the machine of the offer would be rented.
func decided(p *SpawnParams) string {
	switch {
	case p.OfferID == "":
	case len(p.GPU) > 0:
		return "gpu"
	case p.CPU != nil:
		return "cpu"
	case p.GPUCount > 0:
		return "gpu_count"
	case p.CloudType == spec.CloudSecure, p.CloudType == spec.CloudCommunity:
		return "cloud_type"
	case len(p.RegionHints) > 0:
		return "region_hints"
	}
	return ""
}

// validatePorts checks the ports and fills in the protocols that were left out.
func validatePorts(ports []spec.PortRequest) error {
	type port struct {
		number   int
		protocol spec.Protocol
	}
	seen := map[port]bool{}
	for i := range ports {
		at := "ports[" + strconv.Itoa(i) + "]"
		if ports[i].Protocol == "" {
			ports[i].Protocol = spec.ProtocolHTTP
			if ports[i].Symmetric {
				ports[i].Protocol = spec.ProtocolTCP
			}
		}
		key := port{ports[i].Internal, ports[i].Protocol}
		switch {
		case ports[i].Symmetric && ports[i].Protocol != spec.ProtocolTCP:
			return wrong(at+".protocol", "a symmetric port is a tcp port", "leave protocol out, or leave symmetric out for an http port")
		case ports[i].Internal < 1 || ports[i].Internal > 65535:
			return wrong(at+".internal", "must be 1 to 65535", "")
		case seen[key]:
			return wrong(at, "the same port as an earlier one", "give each port once")
		}
		seen[key] = true
	}
	return nil
}

// validateEnv refuses names that some clouds would read as something else, such
// as a flag of the container runtime.
func validateEnv(env map[string]string) error {
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	for key, value := range env {
		switch {
		case !name.MatchString(key):
			return wrong("env", "a name that is not letters, digits and underscores, or starts with a digit", "rename the variable")
		case strings.ContainsRune(value, 0):
			return wrong("env."+key, "holds a NUL byte", "")
		}
	}
	return nil
}

// capabilities checks what one cloud has.
func capabilities(a *provider.Account, p *SpawnParams) error {
	if p.Spot {
		if err := a.Need(spec.CapSpot, "interruptible machines", "spot"); err != nil {
			return err
		}
	}
	if p.CPU != nil {
		if err := a.Need(spec.CapCPU, "machines without GPUs", ""); err != nil {
			return err
		}
	} else if err := a.Need(spec.CapGPU, "machines with GPUs", ""); err != nil {
		return err
	}
	if p.NetworkVolumeID != "" {
		if err := a.Need(spec.CapNetworkVolumes, "network volumes", "network_volume_id"); err != nil {
			return err
		}
	}
	for i := range p.Ports {
		if p.Ports[i].Symmetric {
			if err := a.Need(spec.CapSymmetricPorts, "ports that have the same number inside and outside", "ports["+strconv.Itoa(i)+"].symmetric"); err != nil {
				return err
			}
		}
	}
	if p.OfferID != "" {
		if err := a.Need(spec.CapOffers, "single offers", "offer_id"); err != nil {
			return err
		}
	}
	if p.CloudType == spec.CloudSecure || p.CloudType == spec.CloudCommunity {
		return a.Need(spec.CapCloudTiers, "machines by tier", "cloud_type")
	}
	return nil
}

// candidates lists what to ask one cloud for without looking at its offers: the
// GPUs in order, and for each the tiers, secure before community.
func (s *Service) candidates(a *provider.Account, p *SpawnParams) ([]candidate, error) {
	gpus := []candidate{{account: a}}
	if len(p.GPU) > 0 {
		gpus = gpus[:0]
	}
	seen := map[string]bool{}
	for _, name := range p.GPU {
		native, err := s.Catalog.Native(a.Manifest, name)
		if err != nil {
			return nil, err
		}
		if !seen[native] {
			seen[native] = true
			gpus = append(gpus, candidate{account: a, gpu: name, native: native})
		}
	}
	tiers := tiersOf(a, p)
	out := make([]candidate, 0, len(gpus)*len(tiers))
	for _, c := range gpus {
		for _, tier := range tiers {
			c.tier = tier
			out = append(out, c)
		}
	}
	return out, nil
}

func tiersOf(a *provider.Account, p *SpawnParams) []spec.CloudType {
	switch {
	case !a.Manifest.Has(spec.CapCloudTiers), p.OfferID != "": // an offer has its tier
		return []spec.CloudType{""}
	case p.CloudType == spec.CloudSecure || p.CloudType == spec.CloudCommunity:
		return []spec.CloudType{p.CloudType}
	}
	return []spec.CloudType{spec.CloudSecure, spec.CloudCommunity}
}
