package vast

import (
	"math"
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// maxTried bounds the offers that one spawn asks for when it is given none: at
// the pace of rents that is half a minute.
const maxTried = 8

// spawn rents a machine: the offer it is given and none other, or else the
// cheapest that is to be had. It asks for one offer after another, and goes on
// only where Vast has said that it rented nothing.
func spawn(env sdk.Env, s *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	if err := check(s); err != nil {
		return nil, err
	}
	if s.OfferID != "" {
		return spawnOffer(env, s)
	}
	w := &want{cards: []card{parseCard(s.GPU)}, count: s.GPUCount, tier: s.CloudType, spot: s.Spot, ceiling: s.MaxPricePerHour,
		diskGB: disk(s), ports: len(s.Ports), limit: 2 * maxTried}
	if s.SSHKey != "" {
		w.ports++ // of the SSH server
	}
	if s.Spot && s.BidPerHour > 0 {
		w.ceiling = s.BidPerHour
	}
	var err *spec.Error
	if w.countries, err = countries(s.RegionHints); err != nil {
		return nil, err
	}
	rows, err := market(env, w)
	if err != nil {
		return nil, err
	}
	last := nothing(s)
	for i := range rows[:min(len(rows), maxTried)] {
		compute, err := rent(env, s, rows[i].ID, &rows[i])
		if err == nil {
			return compute, nil
		}
		if err.UnknownOutcome || err.Kind != spec.KindCapacity && err.Kind != spec.KindBudget {
			return nil, err
		}
		last = err
	}
	return nil, last
}

// spawnOffer takes one offer. It looks the offer up where something depends on
// its price.
func spawnOffer(env sdk.Env, s *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	if s.MaxPricePerHour == 0 && !s.Spot {
		compute, err := rent(env, s, s.OfferID, nil)
		if err == nil && s.GPU == "" {
			learn(env, compute)
		}
		return compute, err
	}
	w := &want{id: s.OfferID, spot: s.Spot, diskGB: disk(s), limit: 1}
	rows, err := market(env, w)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].ID == s.OfferID {
			return rent(env, s, s.OfferID, &rows[i])
		}
	}
	return nil, &spec.Error{Kind: spec.KindCapacity, Message: "the offer " + s.OfferID + " is gone", Retryable: true,
		Hint: "offers of Vast.ai live for minutes; offers.search shows those of now"}
}

// learn fills in what a machine is of which nobody has said it: the answer to a rent
// does not. Where Vast does not show the machine yet it stays unknown; searching for
// the offer before would take one of ten searches a minute, and time.
func learn(env sdk.Env, c *spec.Compute) {
	env.IncludeRaw = false
	seen, err := get(env, &spec.IDRequest{ID: c.ID})
	if err != nil {
		return
	}
	c.GPUNative, c.GPUType, c.GPUCount = seen.GPUNative, seen.GPUType, seen.GPUCount
	c.CostPerHour, c.CloudType, c.Region = seen.CostPerHour, seen.CloudType, seen.Region
}

func nothing(s *spec.SpawnRequest) *spec.Error {
	return &spec.Error{Kind: spec.KindCapacity, Message: "nobody offers " + s.GPU + " as it is asked for", Retryable: true,
		Hint: "ask for another GPU, country, count or price, or try again later; offers.search shows what there is"}
}

// bid decides what is offered for a machine: nothing on demand, the bid of a spot
// machine otherwise. It is an error if that would cost more than the ceiling, or
// is known not to do. row is nil where the price decides nothing.
func bid(s *spec.SpawnRequest, o *row) (price float64, total *float64, err *spec.Error) {
	if o == nil {
		return 0, nil, nil
	}
	cost := o.PricePerHour
	if s.Spot {
		price = s.BidPerHour
		switch {
		case price == 0:
			price = max(o.PricePerHour, leastBid)
		case price < o.PricePerHour:
			return 0, nil, &spec.Error{Kind: spec.KindBudget, Message: "the bid is below " + dollars(o.PricePerHour) + ", what the offer " + o.ID + " goes for now",
				Hint: "raise bid_per_hour, or leave it out to bid the least that gets the machine"}
		}
		cost = rounded(price + o.diskRate)
	}
	if s.MaxPricePerHour > 0 && (cost > rounded(s.MaxPricePerHour) || cost <= 0) {
		return 0, nil, &spec.Error{Kind: spec.KindBudget, Message: "the offer " + o.ID + " costs " + dollars(cost) + " with its disk, more than max_price_per_hour",
			Hint: "raise max_price_per_hour, or ask for a smaller disk"}
	}
	if cost > 0 {
		total = &cost
	}
	return price, total, nil
}

// rounded takes off what a sum of prices has in binary beside what it has in
// decimals, as the core does: 0.5 and 0.1 are no more than a ceiling of 0.6.
func rounded(usd float64) float64 { return math.Round(usd*1e6) / 1e6 }

func dollars(usd float64) string { return strconv.FormatFloat(usd, 'f', -1, 64) + " USD an hour" }

// rent asks for one offer, once.
func rent(env sdk.Env, s *spec.SpawnRequest, offer string, o *row) (*spec.Compute, *spec.Error) {
	price, cost, err := bid(s, o)
	if err != nil {
		return nil, err
	}
	secrets := secretsOf(s)
	response, err := exchange(env, sdk.Request{Method: "PUT", URL: api(env, "/api/v0/asks/"+offer+"/"), Body: createBody(s, price)})
	if err != nil {
		return nil, err
	}
	contract := jsonx.New(jsonx.Field(response.Body, "new_contract"))
	id := contract.Text()
	if !success(&response) {
		return nil, refused(env, failure(&response, secrets), id)
	}
	if !confirmed(&response) || checkID("new_contract", id) != nil {
		return nil, rest.Unreadable(&response, "contract")
	}
	if s.SSHKey != "" {
		if err = attachKey(env, id, s.SSHKey, secrets); err != nil {
			return nil, takeBack(env, err, id)
		}
	}
	compute := rented(s, id, o, cost)
	if env.IncludeRaw {
		compute.Raw = rest.Redact(response.Body, secretMembers[:], secrets)
	}
	return compute, nil
}

// refused is the error of a rent that Vast did not carry out. A bid that is too
// low leaves a machine all the same: stopped, and its disk costs.
func refused(env sdk.Env, why *spec.Error, id string) *spec.Error {
	if id == "" || checkID("new_contract", id) != nil {
		return why
	}
	if why.Kind == spec.KindProvider || why.Kind == spec.KindValidation || why.Kind == spec.KindUnknown {
		why.Kind, why.Retryable = spec.KindCapacity, true // it was made, but cannot run
	}
	return takeBack(env, why, id)
}

// takeBack destroys a machine that the operation made and cannot hand out. Where
// that fails the core is told, which would adopt the machine otherwise.
func takeBack(env sdk.Env, why *spec.Error, id string) *spec.Error {
	left := destroy(env, id, true)
	if left != nil && left.Kind == spec.KindNotFound {
		left = nil
	}
	if left == nil {
		return why
	}
	why.UnknownOutcome = true
	why.Message += "; the machine " + id + " that it left could not be destroyed: " + left.Message
	why.Hint = "the machine " + id + " costs; terminate it"
	why.Details = spec.Raw(`{"left":"` + id + `"}`)
	return why
}

// attachKey lets the holder of a key log in.
func attachKey(env sdk.Env, id, key string, secrets []string) *spec.Error {
	w := jsonx.Writer{}
	w.Open('{')
	w.TextField("ssh_key", key)
	w.Close('}')
	err := act(env, sdk.Request{Method: "POST", URL: api(env, "/api/v0/instances/"+id+"/ssh/"), Body: w.Buf, Aside: true}, secrets...)
	if err != nil {
		err.Message = "the machine was rented, but the SSH key was not taken: " + err.Message
	}
	return err
}

// rented is a machine as it is known from what was asked for: the answer to a
// rent holds nothing but its identifier.
func rented(s *spec.SpawnRequest, id string, o *row, cost *float64) *spec.Compute {
	c := &spec.Compute{ID: id, Provider: name, Status: spec.StatusProvisioning, Name: s.Name, RequestID: s.RequestID, GPUNative: s.GPU, GPUType: s.GPU,
		GPUCount: s.GPUCount, CostPerHour: cost, CloudType: s.CloudType, Spot: s.Spot, Image: s.Image, Ports: []spec.Port{},
		Actions: []string{spec.ActionStop, spec.ActionTerminate}}
	if s.GPU != "" {
		c.GPUCount = max(s.GPUCount, 1)
	}
	if o != nil {
		c.GPUNative, c.GPUType, c.GPUCount = o.GPUNative, o.GPUNative, o.GPUCount
		c.CloudType, c.Region = o.CloudType, o.Region
	}
	for _, p := range s.Ports {
		if p.Symmetric {
			awaited(c, 1)
			continue
		}
		protocol := p.Protocol
		if protocol == "" {
			protocol = spec.ProtocolHTTP
		}
		c.Ports = append(c.Ports, spec.Port{Internal: p.Internal, Protocol: protocol})
	}
	return c
}
